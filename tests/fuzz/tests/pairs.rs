//! The byte form of header maps: decoding never panics, and what it accepts is what encoding gives.

use portcullis_kit::pairs;

#[test]
fn any_block() {
    bolero::check!().for_each(|block: &[u8]| {
        let Some(fields) = pairs::decode(block) else { return };
        let list: Vec<_> =
            fields.iter().map(|field| (&block[field.name.clone()], &block[field.value.clone()])).collect();
        // No bytes at all are the other form of no pairs.
        if !block.is_empty() {
            assert_eq!(pairs::encode(&list), block);
        }
    });
}

#[test]
fn any_pairs() {
    bolero::check!().with_type::<Vec<(Vec<u8>, Vec<u8>)>>().for_each(|list| {
        let block = pairs::encode(list);
        let fields = pairs::decode(&block).unwrap();
        let decoded: Vec<_> = fields
            .iter()
            .map(|field| (block[field.name.clone()].to_vec(), block[field.value.clone()].to_vec()))
            .collect();
        assert_eq!(&decoded, list);
    });
}
