use wasmtime::{AsContextMut, Error, Func, TypedFunc, Val};

/// An export that the proxy calls, by how many i32 it takes and whether it returns one.
#[derive(Clone)]
pub(crate) enum Entry {
    One(TypedFunc<u32, ()>),
    OneToOne(TypedFunc<u32, u32>),
    Two(TypedFunc<(u32, u32), ()>),
    TwoToOne(TypedFunc<(u32, u32), u32>),
    Three(TypedFunc<(u32, u32, u32), ()>),
    ThreeToOne(TypedFunc<(u32, u32, u32), u32>),
    Five(TypedFunc<(u32, u32, u32, u32, u32), ()>),
    /// What is called but once.
    Other(Func),
}

impl Entry {
    pub(crate) fn of(function: Func, store: &mut impl AsContextMut) -> Self {
        let kind = function.ty(&mut *store);
        let typed = match (kind.params().len(), kind.results().len()) {
            (1, 0) => function.typed(store).map(Self::One),
            (1, 1) => function.typed(store).map(Self::OneToOne),
            (2, 0) => function.typed(store).map(Self::Two),
            (2, 1) => function.typed(store).map(Self::TwoToOne),
            (3, 0) => function.typed(store).map(Self::Three),
            (3, 1) => function.typed(store).map(Self::ThreeToOne),
            (5, 0) => function.typed(store).map(Self::Five),
            _ => return Self::Other(function),
        };
        typed.unwrap_or(Self::Other(function))
    }

    /// Calls it with as many of the arguments as it takes; 0 where it returns nothing.
    pub(crate) fn call(&self, mut store: impl AsContextMut, arguments: &[u32]) -> Result<u32, Error> {
        match (self, arguments) {
            (Self::One(function), [a, ..]) => function.call(store, *a).map(|()| 0),
            (Self::OneToOne(function), [a, ..]) => function.call(store, *a),
            (Self::Two(function), [a, b, ..]) => function.call(store, (*a, *b)).map(|()| 0),
            (Self::TwoToOne(function), [a, b, ..]) => function.call(store, (*a, *b)),
            (Self::Three(function), [a, b, c, ..]) => function.call(store, (*a, *b, *c)).map(|()| 0),
            (Self::ThreeToOne(function), [a, b, c, ..]) => function.call(store, (*a, *b, *c)),
            (Self::Five(function), [a, b, c, d, e, ..]) => {
                function.call(store, (*a, *b, *c, *d, *e)).map(|()| 0)
            }
            (Self::Other(function), _) => listed(*function, &mut store, arguments),
            _ => Err(wasmtime::format_err!("{} arguments are too few", arguments.len())),
        }
    }
}

fn listed(function: Func, store: &mut impl AsContextMut, arguments: &[u32]) -> Result<u32, Error> {
    let kind = function.ty(&mut *store);
    let arguments = arguments.iter().map(|argument| Val::I32(argument.cast_signed()));
    let arguments: Vec<_> = arguments.take(kind.params().len()).collect();
    let mut results = vec![Val::I32(0); kind.results().len()];
    function.call(store, &arguments, &mut results)?;
    Ok(results.first().and_then(Val::i32).unwrap_or_default().cast_unsigned())
}
