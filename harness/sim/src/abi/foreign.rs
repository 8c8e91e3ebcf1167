use crate::{Hostcall, Refusal, Sim};

/// A foreign function that needs nothing of the proxy but its arguments.
pub type ForeignFunction = fn(&[u8]) -> Hostcall<Vec<u8>>;

impl Sim {
    /// Makes a foreign function known to every plugin.
    pub fn register_foreign_function(&mut self, name: &'static str, function: ForeignFunction) {
        self.foreign_functions.insert(name, function);
    }

    /// `proxy_call_foreign_function`.
    ///
    /// # Errors
    /// `NOT_FOUND` for an unknown name; else whatever the function gives.
    pub fn call_foreign_function(&mut self, function: &[u8], arguments: &[u8]) -> Hostcall<Vec<u8>> {
        let result = match function {
            b"clear_route_cache" => self.clear_route_cache(),
            name => std::str::from_utf8(name)
                .ok()
                .and_then(|name| self.foreign_functions.get(name))
                .ok_or_else(|| Refusal::not_found("no foreign function of this name is registered"))
                .and_then(|function| function(arguments)),
        };
        self.note("proxy_call_foreign_function", &[&function, &arguments], result)
    }

    /// There is one route, so that picking it anew changes nothing that can be seen.
    fn clear_route_cache(&mut self) -> Hostcall<Vec<u8>> {
        let stream = self.stream().ok_or_else(|| Refusal::bad_argument("only a stream has a route"));
        stream.map(|_| Vec::new())
    }
}
