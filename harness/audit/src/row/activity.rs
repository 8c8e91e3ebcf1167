/// What OCSF calls the activities of the classes that we write.
pub(super) fn caption(class_uid: i64, activity_id: i64) -> Option<&'static str> {
    Some(match (class_uid, activity_id) {
        (4002, 1) => "Connect",
        (4002, 2) | (6003, 4) => "Delete",
        (4002, 3) => "Get",
        (4002, 4) => "Head",
        (4002, 5) => "Options",
        (4002, 6) => "Post",
        (4002, 7) => "Put",
        (4002, 8) => "Trace",
        (4002, 9) => "Patch",
        (6003, 1) => "Create",
        (6003, 2) => "Read",
        (6003, 3) => "Update",
        (1008, 6) => "Start",
        (1008, 7) => "Stop",
        (_, 0) => "Unknown",
        (_, 99) => "Other",
        _ => return None,
    })
}
