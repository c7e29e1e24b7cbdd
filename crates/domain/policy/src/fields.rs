//! A strict reader of TOML tables that reports every problem instead of stopping at the first.

use toml::{Table, Value};

use crate::problem::Report;

/// A table that is being read. What is still in it at [`Fields::finish`] is unknown, which is an error (T7).
#[derive(Debug)]
pub(crate) struct Fields {
    table: Table,
    path: String,
}

impl Fields {
    /// Parses a whole file; `None` when it is not TOML.
    pub(crate) fn parse(report: &mut Report, text: &str) -> Option<Self> {
        match text.parse::<Table>() {
            Ok(table) => Some(Self { table, path: String::new() }),
            Err(error) => {
                let message: String = error.message().chars().take(200).collect();
                report.error("", format!("not TOML: {}", message.to_lowercase().replace('\n', " ")));
                None
            }
        }
    }
    /// The dotted name of a field of this table.
    pub(crate) fn name(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
    /// Text that may be absent.
    pub(crate) fn text(&mut self, report: &mut Report, key: &str) -> Option<String> {
        let value = self.table.remove(key)?;
        text_of(report, &self.name(key), value)
    }
    /// Text that must be there and must not be blank.
    pub(crate) fn required(&mut self, report: &mut Report, key: &str) -> Option<String> {
        if !self.table.contains_key(key) {
            report.error(&self.name(key), "is missing");
            return None;
        }
        let text = self.text(report, key)?;
        if text.trim().is_empty() {
            report.error(&self.name(key), "is empty");
            return None;
        }
        Some(text)
    }
    /// A whole number from `low` to `high` that may be absent.
    pub(crate) fn number(&mut self, report: &mut Report, key: &str, (low, high): (u32, u32)) -> Option<u32> {
        let number = match self.table.remove(key)? {
            Value::Integer(number) => u32::try_from(number).ok().filter(|n| (low..=high).contains(n)),
            Value::Array(_)
            | Value::Boolean(_)
            | Value::Datetime(_)
            | Value::Float(_)
            | Value::String(_)
            | Value::Table(_) => None,
        };
        if number.is_none() {
            report.error(&self.name(key), format!("is not a whole number from {low} to {high}"));
        }
        number
    }
    /// Drops a field; whether it was there.
    pub(crate) fn discard(&mut self, key: &str) -> bool {
        self.table.remove(key).is_some()
    }
    /// True or false; may be absent.
    pub(crate) fn flag(&mut self, report: &mut Report, key: &str) -> Option<bool> {
        let flag = self.table.remove(key)?.as_bool();
        if flag.is_none() {
            report.error(&self.name(key), "is neither true nor false");
        }
        flag
    }
    /// A whole number from `low` to `high` that must be there.
    pub(crate) fn required_number(
        &mut self,
        report: &mut Report,
        key: &str,
        range: (u32, u32),
    ) -> Option<u32> {
        if !self.table.contains_key(key) {
            report.error(&self.name(key), "is missing");
        }
        self.number(report, key, range)
    }
    /// One text or a list of texts.
    pub(crate) fn texts(&mut self, report: &mut Report, key: &str) -> Option<Vec<String>> {
        match self.table.remove(key)? {
            Value::Array(items) => {
                let name = self.name(key);
                Some(items.into_iter().filter_map(|item| text_of(report, &name, item)).collect())
            }
            other @ (Value::Boolean(_)
            | Value::Datetime(_)
            | Value::Float(_)
            | Value::Integer(_)
            | Value::String(_)
            | Value::Table(_)) => Some(vec![text_of(report, &self.name(key), other)?]),
        }
    }
    /// A table that may be absent.
    pub(crate) fn table(&mut self, report: &mut Report, key: &str) -> Option<Self> {
        let value = self.table.remove(key)?;
        self.as_table(report, self.name(key), value)
    }
    /// An array of tables, at most `most`; absent is none.
    pub(crate) fn tables(&mut self, report: &mut Report, key: &str, most: usize) -> Vec<Self> {
        let name = self.name(key);
        let items = match self.table.remove(key) {
            None => return Vec::new(),
            Some(Value::Array(items)) => items,
            Some(_) => {
                report.error(&name, format!("is not a list of tables: write `[[{name}]]`"));
                return Vec::new();
            }
        };
        if items.len() > most {
            report.error(&name, format!("has {} entries; expected at most {most}", items.len()));
            return Vec::new();
        }
        let numbered = items.into_iter().enumerate();
        numbered.filter_map(|(n, item)| self.as_table(report, format!("{name}[{n}]"), item)).collect()
    }
    /// Every remaining field as text, for tables whose keys are data.
    pub(crate) fn drain_texts(&mut self, report: &mut Report) -> Vec<(String, String)> {
        let entries = std::mem::take(&mut self.table);
        let named = entries.into_iter().map(|(key, value)| (self.name(&key), key, value));
        named.filter_map(|(name, key, value)| Some((key, text_of(report, &name, value)?))).collect()
    }
    /// Every remaining field as a table, for tables whose keys are data.
    pub(crate) fn drain_tables(&mut self, report: &mut Report) -> Vec<(String, Self)> {
        let entries = std::mem::take(&mut self.table);
        let mut out = Vec::new();
        for (key, value) in entries {
            if let Some(fields) = self.as_table(report, self.name(&key), value) {
                out.push((key, fields));
            }
        }
        out
    }
    /// Reports what nobody asked for.
    pub(crate) fn finish(self, report: &mut Report) {
        for key in self.table.keys() {
            report.error(&self.name(key), "is not a known field");
        }
    }

    fn as_table(&self, report: &mut Report, path: String, value: Value) -> Option<Self> {
        if let Value::Table(table) = value {
            return Some(Self { table, path });
        }
        report.error(&path, "is not a table");
        None
    }
}

fn text_of(report: &mut Report, name: &str, value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Boolean(_) | Value::Integer(_) | Value::Float(_) | Value::Datetime(_) => {
            report.error(name, format!("is not text: write it in quotes, \"{value}\""));
            None
        }
        Value::Array(_) | Value::Table(_) => {
            report.error(name, "is not text");
            None
        }
    }
}
