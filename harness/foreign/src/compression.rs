use std::io::Read;

use flate2::Compression;
use flate2::read::{ZlibDecoder, ZlibEncoder};
use portcullis_sim::{Refusal, Status};

use crate::not_simulated;

/// More than a plugin's memory holds; a small input can unfold into anything.
const UNCOMPRESSED: u64 = 256 << 20;

/// `compress`: zlib, RFC 1950, and byte for byte what Envoy's makes of it.
pub(crate) fn compress(bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
    let mut compressed = Vec::new();
    let done = ZlibEncoder::new(bytes, Compression::default()).read_to_end(&mut compressed);
    done.map(|_| compressed).map_err(|error| Refusal::new(Status::SerializationFailure, error.to_string()))
}

/// `uncompress`: zlib, RFC 1950; what comes after its end does not matter.
pub(crate) fn uncompress(bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
    let mut plain = Vec::new();
    let done = ZlibDecoder::new(bytes).take(UNCOMPRESSED).read_to_end(&mut plain);
    match done {
        Ok(size) if size as u64 == UNCOMPRESSED => Err(not_simulated("uncompressing 256 MiB and more")),
        // No input at all is no error to the decoder.
        Ok(_) if bytes.is_empty() => {
            Err(Refusal::new(Status::SerializationFailure, "there is nothing to uncompress"))
        }
        Ok(_) => Ok(plain),
        Err(error) => Err(Refusal::new(Status::SerializationFailure, format!("not zlib: {error}"))),
    }
}
