//! Where in a record something is: the paths of all fields as a tree.

use std::sync::LazyLock;

use crate::field::Field;

/// What is at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// A field as it is.
    Field(Field),
    /// OCSF's number of the decision.
    Action,
    /// OCSF's number of the activity.
    Activity,
    /// The decisions of the filters.
    Decisions,
    /// A method that OCSF does not know.
    Method,
    /// ECS' list of categories.
    Categories,
    /// ECS' list of types, which has the decision.
    Types,
    /// Who an ECS record is from.
    Dataset,
    /// What only our records have in ECS.
    Ours,
}

/// What is not a field by itself.
const OTHERS: [(&str, Slot); 10] = [
    ("action_id", Slot::Action),
    ("activity_id", Slot::Activity),
    ("unmapped.audit.method", Slot::Method),
    ("unmapped.audit.decisions", Slot::Decisions),
    ("portcullis.audit.decisions", Slot::Decisions),
    ("event.category", Slot::Categories),
    ("event.type", Slot::Types),
    ("event.dataset", Slot::Dataset),
    ("portcullis.audit", Slot::Ours),
    ("portcullis.integrity", Slot::Ours),
];

/// The places of both schemas; they have none in common that mean different things.
pub(crate) static PLACES: LazyLock<Place> = LazyLock::new(|| {
    let mut root = Place::default();
    let fields = Field::ALL.iter().flat_map(|field| {
        let paths = field.ocsf().iter().chain(field.ecs());
        paths.map(|path| (*path, Slot::Field(*field)))
    });
    for (path, slot) in fields.chain(OTHERS) {
        root.below(path).slot = Some(slot);
    }
    root.sort();
    root
});

/// A member of a record, with those of its own that matter.
#[derive(Debug, Default)]
pub(crate) struct Place {
    pub(crate) slot: Option<Slot>,
    /// In the order of their marks.
    members: Vec<Member>,
}

#[derive(Debug)]
struct Member {
    mark: u32,
    name: &'static str,
    place: Place,
}

/// What tells most names apart, and is compared faster than they are: half of the time that a record takes would be spent on that.
fn mark(name: &str) -> u32 {
    let byte = |at: usize| name.as_bytes().get(at).copied().unwrap_or_default();
    u32::from_be_bytes([name.len() as u8, byte(0), byte(name.len() / 2), byte(name.len().saturating_sub(2))])
}

impl Place {
    fn below(&mut self, path: &'static str) -> &mut Self {
        let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
        let index = self.members.iter().position(|member| member.name == name).unwrap_or_else(|| {
            self.members.push(Member { mark: mark(name), name, place: Self::default() });
            self.members.len() - 1
        });
        let place = &mut self.members[index].place;
        match rest {
            Some(rest) => place.below(rest),
            None => place,
        }
    }

    fn sort(&mut self) {
        self.members.sort_by_key(|member| member.mark);
        self.members.iter_mut().for_each(|member| member.place.sort());
    }

    /// The member with this name, and its number.
    pub(crate) fn member(&self, name: &str) -> Option<(usize, &Self)> {
        let mark = mark(name);
        let first = self.members.partition_point(|member| member.mark < mark);
        let alike = self.members.iter().enumerate().skip(first).take_while(|(_, member)| member.mark == mark);
        let mut found = alike.filter(|(_, member)| member.name == name);
        found.next().map(|(index, member)| (index, &member.place))
    }

    /// Each element, if it is a list.
    pub(crate) fn element(&self) -> Option<&Self> {
        self.member("[]").map(|(_, place)| place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_member_by_member() {
        let find = |path: &[&str]| {
            path.iter().try_fold(&*PLACES, |place, name| place.member(name).map(|(_, place)| place))?.slot
        };
        assert_eq!(find(&["http_request", "url", "path"]), Some(Slot::Field(Field::Path)));
        assert_eq!(find(&["@timestamp"]), Some(Slot::Field(Field::Time)));
        assert_eq!(find(&["attestation_list", "[]", "chain_uid"]), Some(Slot::Field(Field::Chain)));
        assert_eq!(find(&["unmapped", "audit", "decisions"]), Some(Slot::Decisions));
        assert_eq!(find(&["unmapped", "audit"]), None);
        assert_eq!(find(&["nothing"]), None);
    }

    #[test]
    fn no_object_has_more_members_than_can_be_told_apart() {
        fn widest(place: &Place) -> usize {
            place
                .members
                .iter()
                .map(|member| widest(&member.place))
                .max()
                .unwrap_or_default()
                .max(place.members.len())
        }
        assert!(widest(&PLACES) <= 64, "places are marked as seen in a u64");
    }
}
