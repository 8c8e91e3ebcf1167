use crate::{Hostcall, Refusal, Sim, Status};

/// Said of every call-out: the simulated proxy has one cluster, and it is not one for call-outs.
const NOT_SIMULATED: &str = "call-outs are not simulated, so every cluster is unknown";

impl Sim {
    /// `proxy_http_call`: as in an Envoy that does not know the cluster.
    ///
    /// # Errors
    /// `BAD_ARGUMENT`.
    pub fn http_call(&mut self, cluster: &[u8], timeout_milliseconds: u32) -> Hostcall<u32> {
        let result = Err(Refusal::bad_argument(NOT_SIMULATED));
        self.note("proxy_http_call", &[&cluster, &timeout_milliseconds], result)
    }

    /// `proxy_grpc_call`: as in an Envoy that does not know the cluster.
    ///
    /// # Errors
    /// `PARSE_FAILURE`.
    pub fn grpc_call(&mut self, cluster: &[u8], service: &[u8], method: &[u8]) -> Hostcall<u32> {
        let result = Err(Refusal::new(Status::ParseFailure, NOT_SIMULATED));
        self.note("proxy_grpc_call", &[&cluster, &service, &method], result)
    }

    /// `proxy_grpc_stream`: as in an Envoy that does not know the cluster.
    ///
    /// # Errors
    /// `PARSE_FAILURE`.
    pub fn grpc_stream(&mut self, cluster: &[u8], service: &[u8], method: &[u8]) -> Hostcall<u32> {
        let result = Err(Refusal::new(Status::ParseFailure, NOT_SIMULATED));
        self.note("proxy_grpc_stream", &[&cluster, &service, &method], result)
    }

    /// `proxy_grpc_send`, `proxy_grpc_close` and `proxy_grpc_cancel`, by `name`: no call is ever open.
    ///
    /// # Errors
    /// `BAD_ARGUMENT` for what is no gRPC token (5, 9, 13 are calls; 6, 10, 14 streams), `NOT_FOUND` for what is.
    pub fn grpc_on_token(&mut self, name: &'static str, token: u32) -> Hostcall<()> {
        let is_stream = token % 4 == 2;
        let is_grpc = is_stream || (token % 4 == 1 && name != "proxy_grpc_send");
        let result = if is_grpc {
            Err(Refusal::not_found(format!("no gRPC call has the token {token}; {NOT_SIMULATED}")))
        } else {
            Err(Refusal::bad_argument(format!(
                "{token} is not the token of a gRPC call or stream that this can act on"
            )))
        };
        self.note(name, &[&token], result)
    }

    /// `proxy_call_foreign_function`: none is registered.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub fn call_foreign_function(&mut self, function: &[u8], arguments: &[u8]) -> Hostcall<Vec<u8>> {
        let result = Err(Refusal::not_found("foreign functions are not simulated, so every one is unknown"));
        self.note("proxy_call_foreign_function", &[&function, &arguments], result)
    }

    /// `proxy_get_status`: the outcome of the last call-out, of which there is none.
    ///
    /// # Errors
    /// None.
    pub fn status(&mut self) -> Hostcall<(u32, Vec<u8>)> {
        self.note("proxy_get_status", &[], Ok((0, Vec::new())))
    }
}
