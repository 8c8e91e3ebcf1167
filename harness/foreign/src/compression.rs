use std::io::Read;

use flate2::read::ZlibDecoder;
use flate2::{Compress, Compression, FlushCompress};
use portcullis_sim::{Refusal, Status};

use crate::not_simulated;

/// More than a plugin's memory holds; a small input can unfold into anything.
const UNCOMPRESSED: u64 = 256 << 20;

/// `compress`: zlib, RFC 1950, and byte for byte what Envoy's makes of it, which is given all at once.
pub(crate) fn compress(bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
    let mut compressed = Vec::new();
    compressed
        .try_reserve_exact(longest(bytes.len()))
        .map_err(|error| Refusal::new(Status::InternalFailure, error.to_string()))?;
    let done = Compress::new(Compression::default(), true).compress_vec(
        bytes,
        &mut compressed,
        FlushCompress::Finish,
    );
    match done {
        Ok(flate2::Status::StreamEnd) => Ok(compressed),
        Ok(other) => Err(Refusal::new(Status::SerializationFailure, format!("no end: {other:?}"))),
        Err(error) => Err(Refusal::new(Status::SerializationFailure, error.to_string())),
    }
}

/// More than so many bytes can become: a byte takes nine bits at most.
fn longest(size: usize) -> usize {
    size + size / 8 + 64
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
