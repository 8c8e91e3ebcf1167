use portcullis_kit::ConfigError;
use portcullis_sim::http::{HeaderList, Protocol, Request, Response};
use portcullis_sim::{Answer, AnswerKind, GrpcAnswer};

use crate::schema::{AnswerFile, Bytes, FaultName, Fields, GrpcFile, OneOrMany, ProtocolName, RequestFile};
use crate::vars::Vars;

impl From<ProtocolName> for Protocol {
    fn from(name: ProtocolName) -> Self {
        match name {
            ProtocolName::Http1 => Self::Http1,
            ProtocolName::Http2 => Self::Http2,
        }
    }
}

pub(super) fn build_request(file: &RequestFile, vars: &Vars) -> Result<Request, ConfigError> {
    let pseudo = [
        (":method", "method", file.method.as_deref().unwrap_or("GET")),
        (":path", "path", file.path.as_deref().unwrap_or("/")),
        (":authority", "host", file.host.as_deref().unwrap_or("example.com")),
        (":scheme", "", "http"),
    ];
    let mut headers = HeaderList::new();
    for (name, key, value) in pseudo {
        let value = vars.text(value).map_err(|error| ConfigError::at(key, error))?;
        headers.push((name.into(), value.into_bytes()));
    }
    headers.extend(fields("headers", &file.headers, vars)?);
    let trailers = file.trailers.as_ref().map(|trailers| fields("trailers", trailers, vars)).transpose()?;
    Ok(Request { headers, body: body(file.body.as_ref(), vars)?, trailers })
}

/// What a server does with a request; left out, it answers with status 200.
pub(super) fn answer(file: Option<&AnswerFile>, vars: &Vars) -> Result<Answer, ConfigError> {
    let Some(file) = file else { return Ok(Answer::default()) };
    let writes_response =
        file.status.is_some() || !file.headers.is_empty() || file.body.is_some() || file.trailers.is_some();
    let kind = match (&file.grpc, file.fault) {
        (None, None) => AnswerKind::Response(response(file, vars)?),
        (None, Some(FaultName::ResetMidBody)) => AnswerKind::ResetMidBody(response(file, vars)?),
        (Some(_), Some(_)) => return Err(ConfigError::at("fault", "grpc is there too; write one of them")),
        (Some(_), None) if writes_response => {
            let problem = "status, headers, body and trailers of a gRPC answer stand within grpc";
            return Err(ConfigError::at("grpc", problem));
        }
        (None, Some(_)) if writes_response => {
            let problem = "there is no answer, so it has no status, headers, body or trailers";
            return Err(ConfigError::at("fault", problem));
        }
        (Some(grpc), None) => AnswerKind::Grpc(build_grpc(grpc, vars).map_err(|error| error.under("grpc"))?),
        (None, Some(FaultName::Timeout)) => AnswerKind::Timeout,
        (None, Some(FaultName::Reset)) => AnswerKind::Reset,
        (None, Some(FaultName::Malformed)) => AnswerKind::Malformed,
    };
    Ok(Answer { after: file.after.map(|span| span.0).unwrap_or_default(), kind })
}

fn response(file: &AnswerFile, vars: &Vars) -> Result<Response, ConfigError> {
    let trailers = file.trailers.as_ref().map(|trailers| fields("trailers", trailers, vars)).transpose()?;
    let status = file.status.unwrap_or(200);
    let body = body(file.body.as_ref(), vars)?;
    possible(status, &body).map_err(|problem| ConfigError::at("status", problem))?;
    Ok(Response { status, headers: fields("headers", &file.headers, vars)?, body, trailers })
}

/// An answer that no upstream can send would never come to the plugin (RFC 9110 section 6.4.1).
fn possible(status: u16, body: &[Vec<u8>]) -> Result<(), String> {
    match status {
        100..=199 => Err(format!("{status} is not the final answer to a request; write 200 or above")),
        204 | 304 if body.iter().any(|piece| !piece.is_empty()) => {
            Err(format!("an answer with status {status} has no body; drop it, or write another status"))
        }
        _ => Ok(()),
    }
}

fn build_grpc(file: &GrpcFile, vars: &Vars) -> Result<GrpcAnswer, ConfigError> {
    let messages = file.messages.iter().enumerate().map(|(index, message)| {
        bytes(message, vars).map_err(|problem| ConfigError::at(format!("messages[{index}]"), problem))
    });
    Ok(GrpcAnswer {
        initial_metadata: fields("initial_metadata", &file.initial_metadata, vars)?,
        messages: messages.collect::<Result<_, _>>()?,
        status: file.status,
        message: vars.text(&file.message).map_err(|problem| ConfigError::at("message", problem))?,
        trailing_metadata: fields("trailing_metadata", &file.trailing_metadata, vars)?,
    })
}

fn fields(key: &str, map: &Fields, vars: &Vars) -> Result<HeaderList, ConfigError> {
    let mut list = HeaderList::new();
    for (name, values) in map {
        let at = |problem: String| ConfigError::at(format!("{key}.{name}"), problem);
        if name.starts_with(':') {
            return Err(at("write method, path and host beside headers".into()));
        }
        for value in pieces(values, vars).map_err(at)? {
            list.push((name.to_ascii_lowercase().into_bytes(), value));
        }
    }
    Ok(list)
}

fn body(value: Option<&OneOrMany>, vars: &Vars) -> Result<Vec<Vec<u8>>, ConfigError> {
    let body = value.map(|value| pieces(value, vars)).transpose();
    body.map(Option::unwrap_or_default).map_err(|problem| ConfigError::at("body", problem))
}

fn pieces(value: &OneOrMany, vars: &Vars) -> Result<Vec<Vec<u8>>, String> {
    match value {
        OneOrMany::One(one) => Ok(vec![bytes(one, vars)?]),
        OneOrMany::Many(many) => many.iter().map(|one| bytes(one, vars)).collect(),
    }
}

pub(super) fn bytes(value: &Bytes, vars: &Vars) -> Result<Vec<u8>, String> {
    const MOST: usize = 64 << 20;
    match value {
        Bytes::Text(text) => Ok(vars.text(text)?.into_bytes()),
        Bytes::Hex { hex } => {
            vars.spend(hex.len())?;
            let digits: Option<Vec<u8>> = hex.chars().map(|c| c.to_digit(16)?.try_into().ok()).collect();
            let digits = digits.filter(|digits| digits.len().is_multiple_of(2));
            let digits = digits.ok_or_else(|| format!("hex {hex:?}; write two digits per byte"))?;
            Ok(digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect())
        }
        Bytes::Repeat { repeat, times } if repeat.len().saturating_mul(*times) <= MOST => {
            vars.spend(repeat.len().saturating_mul(*times))?;
            Ok(repeat.repeat(*times).into_bytes())
        }
        Bytes::Repeat { .. } => Err(format!("repeat gives more than {MOST} bytes")),
    }
}

#[cfg(test)]
mod tests {
    use crate::Scenario;

    #[test]
    fn an_upstream_sends_only_what_it_can() {
        let loaded = |upstream: &str| {
            let text = format!(
                "name: n\nfilter: f\nsteps:\n  - request: {{}}\n    upstream: {upstream}\n    expect: {{status: 200}}\n"
            );
            Scenario::load("s.yaml", &text, &|_| Err(String::new())).map_err(|error| error.problem)
        };
        for (upstream, key) in [
            ("{status: 103}", "status"),
            ("{status: 204, body: x}", "status"),
            ("{status: 304, body: x}", "status"),
            ("{fault: reset, status: 200}", "fault"),
            ("{fault: reset, grpc: {}}", "fault"),
            ("{grpc: {}, body: x}", "grpc"),
        ] {
            let problem = loaded(upstream).unwrap_err();
            assert!(problem.contains(&format!("upstream.{key}: ")), "{problem}");
        }
        for upstream in [
            "{status: 204}",
            "{status: 304, body: \"\"}",
            "{status: 200, body: x}",
            "{fault: reset_mid_body, status: 200, body: x}",
            "{grpc: {messages: [a], status: 5}, after: 10ms}",
        ] {
            assert!(loaded(upstream).is_ok(), "{upstream}");
        }
    }
}
