use wasmtime::{AsContextMut, Error, Func, TypedFunc, format_err};

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
}

impl Entry {
    pub(crate) fn of(function: Func, store: &mut impl AsContextMut) -> Result<Self, Error> {
        let kind = function.ty(&mut *store);
        Ok(match (kind.params().len(), kind.results().len()) {
            (1, 0) => Self::One(function.typed(store)?),
            (1, 1) => Self::OneToOne(function.typed(store)?),
            (2, 0) => Self::Two(function.typed(store)?),
            (2, 1) => Self::TwoToOne(function.typed(store)?),
            (3, 0) => Self::Three(function.typed(store)?),
            (3, 1) => Self::ThreeToOne(function.typed(store)?),
            (5, 0) => Self::Five(function.typed(store)?),
            (parameters, _) => return Err(format_err!("no callback takes {parameters} arguments")),
        })
    }

    /// Calls it with as many of the arguments as it takes; 0 where it returns nothing.
    pub(crate) fn call(&self, store: impl AsContextMut, arguments: &[u32]) -> Result<u32, Error> {
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
            _ => Err(format_err!("{} arguments are too few", arguments.len())),
        }
    }
}
