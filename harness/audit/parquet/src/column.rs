//! The values of one field, until there are enough for a group.

use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
use parquet::errors::Result;
use parquet::file::writer::SerializedColumnWriter;
use portcullis_audit::{Field, Kind, Row, Value};

/// A field, as the schema of Parquet has it.
pub(super) fn schema(field: Field) -> String {
    let name = field.name();
    match field.kind() {
        Kind::Time => format!("optional int64 {name} (TIMESTAMP(MILLIS,true)); "),
        Kind::Int => format!("optional int32 {name}; "),
        Kind::Long => format!("optional int64 {name}; "),
        Kind::Double => format!("optional double {name}; "),
        Kind::Text => format!("optional binary {name} (STRING); "),
        Kind::List => {
            format!(
                "optional group {name} (LIST) {{ repeated group list {{ required binary element (STRING); }} }} "
            )
        }
    }
}

/// The values of one field.
pub(super) struct Column {
    field: Field,
    values: Values,
    /// How much of the way to the value is there: 1 for a value; of a list, 1 if it is empty and 2 for an element.
    definitions: Vec<i16>,
    /// 1 for an element that continues a list.
    repetitions: Vec<i16>,
}

enum Values {
    Int(Vec<i32>),
    Long(Vec<i64>),
    Double(Vec<f64>),
    /// All texts behind each other, and where each of them ends.
    Text(Vec<u8>, Vec<usize>),
}

impl Column {
    pub(super) fn new(field: Field) -> Self {
        let values = match field.kind() {
            Kind::Time | Kind::Long => Values::Long(Vec::new()),
            Kind::Int => Values::Int(Vec::new()),
            Kind::Double => Values::Double(Vec::new()),
            Kind::Text | Kind::List => Values::Text(Vec::new(), Vec::new()),
        };
        Self { field, values, definitions: Vec::new(), repetitions: Vec::new() }
    }

    /// Takes the value of a row; how many bytes that takes up.
    pub(super) fn push(&mut self, row: &Row<'_>) -> usize {
        match row.value(self.field) {
            None => self.level(0, 0),
            Some(Value::List(texts)) if texts.is_empty() => self.level(1, 0),
            Some(Value::List(texts)) => {
                let lengths = texts
                    .iter()
                    .enumerate()
                    .map(|(index, text)| self.level(2, i16::from(index > 0)) + self.values.text(text));
                lengths.sum()
            }
            Some(Value::Text(text)) => self.level(1, 0) + self.values.text(text),
            Some(Value::Integer(number)) => self.level(1, 0) + self.values.integer(*number),
            Some(Value::Double(number)) => self.level(1, 0) + self.values.double(*number),
        }
    }

    fn level(&mut self, definition: i16, repetition: i16) -> usize {
        self.definitions.push(definition);
        if self.field.kind() == Kind::List {
            self.repetitions.push(repetition);
        }
        2 * size_of::<i16>()
    }

    /// Writes the values, and forgets them.
    pub(super) fn write(&mut self, writer: &mut SerializedColumnWriter<'_>) -> Result<()> {
        let definitions = Some(self.definitions.as_slice());
        let repetitions = (self.field.kind() == Kind::List).then_some(self.repetitions.as_slice());
        match &mut self.values {
            Values::Int(values) => {
                writer.typed::<Int32Type>().write_batch(values, definitions, repetitions)?;
                values.clear();
            }
            Values::Long(values) => {
                writer.typed::<Int64Type>().write_batch(values, definitions, repetitions)?;
                values.clear();
            }
            Values::Double(values) => {
                writer.typed::<DoubleType>().write_batch(values, definitions, repetitions)?;
                values.clear();
            }
            Values::Text(bytes, ends) => {
                // One allocation for all of them.
                let all = ByteArray::from(std::mem::take(bytes));
                let starts = std::iter::once(0).chain(ends.iter().copied());
                let texts: Vec<_> =
                    starts.zip(ends.iter()).map(|(start, end)| all.slice(start, end - start)).collect();
                writer.typed::<ByteArrayType>().write_batch(&texts, definitions, repetitions)?;
                ends.clear();
            }
        }
        self.definitions.clear();
        self.repetitions.clear();
        Ok(())
    }
}

impl Values {
    fn text(&mut self, text: &str) -> usize {
        let Self::Text(bytes, ends) = self else { unreachable!("a text is of a field of texts") };
        bytes.extend_from_slice(text.as_bytes());
        ends.push(bytes.len());
        // The slice of it that is written takes as much again as its place here.
        text.len() + size_of::<usize>() + size_of::<ByteArray>()
    }

    fn integer(&mut self, number: i64) -> usize {
        match self {
            Self::Long(values) => values.push(number),
            // A row has no value that does not fit.
            Self::Int(values) => values.push(i32::try_from(number).unwrap_or_default()),
            _ => unreachable!("a number is of a field of numbers"),
        }
        size_of::<i64>()
    }

    fn double(&mut self, number: f64) -> usize {
        let Self::Double(values) = self else { unreachable!("a double is of a field of doubles") };
        values.push(number);
        size_of::<f64>()
    }
}
