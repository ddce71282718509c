//! The stack machine that a pickle is a program for: the instructions that saving tensors takes.
//!
//! Builds values and calls nothing.

use std::collections::BTreeMap;

use super::{Class, Id, MOST_SIDES, Node, PickleError, Storage, Value, View};

/// The stack machine that a pickle is a program for.
#[derive(Default)]
pub(super) struct Machine<'a> {
    bytes: &'a [u8],
    pub(super) at: usize,
    stack: Vec<Value<'a>>,
    /// Heights of the stack at marks.
    marks: Vec<usize>,
    memo: BTreeMap<u32, Value<'a>>,
    pub(super) nodes: Vec<Node<'a>>,
}

impl<'a> Machine<'a> {
    /// At the first instruction of `bytes`.
    pub(super) fn over(bytes: &'a [u8]) -> Self {
        Self { bytes, ..Self::default() }
    }

    const fn damaged(&self) -> PickleError {
        PickleError::Damaged { at: self.at }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], PickleError> {
        let end = self.at.checked_add(length);
        let taken = end.and_then(|end| self.bytes.get(self.at..end)).ok_or(self.damaged())?;
        self.at += length;
        Ok(taken)
    }

    /// A little-endian number of `length` bytes, at most 8.
    fn number(&mut self, length: usize) -> Result<u64, PickleError> {
        let bytes = self.take(length)?;
        Ok(bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    /// A run of bytes behind its length, which takes `length` bytes.
    fn run(&mut self, length: usize) -> Result<&'a [u8], PickleError> {
        let length = self.number(length)?;
        self.take(usize::try_from(length).map_err(|_too_long| self.damaged())?)
    }

    fn text(&mut self, length: usize) -> Result<Value<'a>, PickleError> {
        let bytes = self.run(length)?;
        std::str::from_utf8(bytes).map(Value::Text).map_err(|_not_text| self.damaged())
    }

    fn line(&mut self) -> Result<&'a str, PickleError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let end = rest.iter().position(|&byte| byte == b'\n').ok_or(self.damaged())?;
        let line = std::str::from_utf8(self.take(end)?).map_err(|_not_text| self.damaged())?;
        self.at += 1;
        Ok(line)
    }

    fn pop(&mut self) -> Result<Value<'a>, PickleError> {
        // What lies under a mark belongs to others.
        let floor = self.marks.last().copied().unwrap_or(0);
        let top = if self.stack.len() > floor { self.stack.pop() } else { None };
        top.ok_or(self.damaged())
    }

    fn pop_mark(&mut self) -> Result<Vec<Value<'a>>, PickleError> {
        let height = self.marks.pop().ok_or(self.damaged())?;
        Ok(self.stack.split_off(height.min(self.stack.len())))
    }

    fn top(&self) -> Result<Value<'a>, PickleError> {
        self.stack.last().copied().ok_or(self.damaged())
    }

    fn add(&mut self, node: Node<'a>) -> Id {
        self.nodes.push(node);
        Id(self.nodes.len() - 1)
    }

    fn push_row(&mut self, items: Vec<Value<'a>>) {
        let id = self.add(Node::Row(items));
        self.stack.push(Value::Row(id));
    }

    fn push_dictionary(&mut self) {
        let id = self.add(Node::Dictionary(Vec::new()));
        self.stack.push(Value::Dictionary(id));
    }

    fn row(&self, value: Value<'a>) -> Result<&[Value<'a>], PickleError> {
        match value {
            Value::Row(id) => match self.nodes.get(id.0) {
                Some(Node::Row(items)) => Ok(items),
                _ => Err(self.damaged()),
            },
            _ => Err(self.damaged()),
        }
    }

    /// Takes one instruction; gives what was saved when it was the last.
    pub(super) fn step(&mut self) -> Result<Option<Value<'a>>, PickleError> {
        let at = self.at;
        let code = self.number(1)? as u8;
        match code {
            // STOP
            b'.' => return self.pop().map(Some),
            // PROTO, FRAME: how it was written.
            0x80 => drop(self.take(1)?),
            0x95 => drop(self.take(8)?),
            // MARK, POP, POP_MARK
            b'(' => self.marks.push(self.stack.len()),
            b'0' => drop(self.pop()?),
            b'1' => drop(self.pop_mark()?),
            // BINPUT, LONG_BINPUT, MEMOIZE, BINGET, LONG_BINGET
            b'q' => self.put(1)?,
            b'r' => self.put(4)?,
            0x94 => {
                let key = u32::try_from(self.memo.len()).map_err(|_too_many| self.damaged())?;
                self.memo.insert(key, self.top()?);
            }
            b'h' => self.get(1)?,
            b'j' => self.get(4)?,
            // GLOBAL, STACK_GLOBAL
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.class(module, name)?;
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Value::Text(module), Value::Text(name)) = (module, name) else {
                    return Err(self.damaged());
                };
                self.class(module, name)?;
            }
            // INST names what it runs.
            b'i' => {
                let (module, name) = (self.line()?, self.line()?);
                return Err(PickleError::Runs { global: format!("{module}.{name}") });
            }
            // REDUCE, NEWOBJ
            b'R' | 0x81 => self.make()?,
            b'b' => self.build()?,
            b'Q' => self.persistent()?,
            _ => {
                if !(self.plain(code)? || self.gather(code)?) {
                    return Err(PickleError::Instruction { code, at });
                }
            }
        }
        Ok(None)
    }

    fn put(&mut self, length: usize) -> Result<(), PickleError> {
        let key = self.number(length)? as u32;
        self.memo.insert(key, self.top()?);
        Ok(())
    }

    fn get(&mut self, length: usize) -> Result<(), PickleError> {
        let key = self.number(length)? as u32;
        let value = self.memo.get(&key).copied().ok_or(self.damaged())?;
        self.stack.push(value);
        Ok(())
    }

    /// Pushes a number, a text and their like; `false` for another instruction.
    fn plain(&mut self, code: u8) -> Result<bool, PickleError> {
        let value = match code {
            // NONE, NEWTRUE, NEWFALSE
            b'N' | 0x88 | 0x89 => Value::Other,
            // BININT1, BININT2, BININT
            b'K' => Value::Integer(self.number(1)? as i64),
            b'M' => Value::Integer(self.number(2)? as i64),
            b'J' => Value::Integer(i64::from(self.number(4)? as i32)),
            // LONG1
            0x8a => {
                let bytes = self.run(1)?;
                let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
                let filled = |number: i64, &byte: &u8| number << 8 | i64::from(byte);
                let sign = if negative { -1 } else { 0 };
                let number = bytes.iter().rev().fold(sign, filled);
                if bytes.len() <= 8 { Value::Integer(number) } else { Value::Other }
            }
            // BINFLOAT
            b'G' => {
                self.take(8)?;
                Value::Other
            }
            // BINUNICODE, SHORT_BINUNICODE, BINUNICODE8
            b'X' => self.text(4)?,
            0x8c => self.text(1)?,
            0x8d => self.text(8)?,
            // SHORT_BINSTRING and BINSTRING of Python 2, SHORT_BINBYTES, BINBYTES
            b'U' | b'C' => {
                self.run(1)?;
                Value::Other
            }
            b'T' | b'B' => {
                self.run(4)?;
                Value::Other
            }
            _ => return Ok(false),
        };
        self.stack.push(value);
        Ok(true)
    }

    /// Makes or fills tuples, lists and dictionaries; `false` for another instruction.
    fn gather(&mut self, code: u8) -> Result<bool, PickleError> {
        match code {
            // EMPTY_TUPLE, EMPTY_LIST, TUPLE1 to TUPLE3, TUPLE, EMPTY_DICT
            b')' | b']' => self.push_row(Vec::new()),
            0x85..=0x87 => {
                let mut items = Vec::with_capacity(3);
                for _ in 0x85..=code {
                    items.push(self.pop()?);
                }
                items.reverse();
                self.push_row(items);
            }
            b't' => {
                let items = self.pop_mark()?;
                self.push_row(items);
            }
            b'}' => self.push_dictionary(),
            // APPEND, APPENDS
            b'a' => {
                let item = self.pop()?;
                self.append(&[item])?;
            }
            b'e' => {
                let items = self.pop_mark()?;
                self.append(&items)?;
            }
            // SETITEM, SETITEMS
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set(&[key, value])?;
            }
            b'u' => {
                let members = self.pop_mark()?;
                self.set(&members)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn append(&mut self, new: &[Value<'a>]) -> Result<(), PickleError> {
        let (damaged, top) = (self.damaged(), self.top()?);
        let Value::Row(id) = top else { return Err(damaged) };
        let Some(Node::Row(items)) = self.nodes.get_mut(id.0) else { return Err(damaged) };
        items.extend_from_slice(new);
        Ok(())
    }

    fn set(&mut self, new: &[Value<'a>]) -> Result<(), PickleError> {
        let (damaged, top) = (self.damaged(), self.top()?);
        let Value::Dictionary(id) = top else { return Err(damaged) };
        let Some(Node::Dictionary(members)) = self.nodes.get_mut(id.0) else {
            return Err(damaged);
        };
        let (pairs, rest) = new.as_chunks::<2>();
        members.extend(pairs.iter().map(|&[key, value]| (key, value)));
        if rest.is_empty() { Ok(()) } else { Err(damaged) }
    }

    fn class(&mut self, module: &str, name: &str) -> Result<(), PickleError> {
        let class = Class::of(module, name);
        let class =
            class.ok_or_else(|| PickleError::Runs { global: format!("{module}.{name}") })?;
        self.stack.push(Value::Class(class));
        Ok(())
    }

    /// What a known function would make of its arguments, without it.
    fn make(&mut self) -> Result<(), PickleError> {
        let (arguments, callable) = (self.pop()?, self.pop()?);
        let Value::Class(class) = callable else { return Err(self.damaged()) };
        let arguments = self.row(arguments)?;
        match class {
            Class::Dictionary | Class::ParameterDict if arguments.is_empty() => {
                self.push_dictionary();
            }
            Class::Set => self.push_row(Vec::new()),
            Class::RebuildTensor => {
                let view = self.rebuilt(arguments).ok_or(self.damaged())?;
                let id = self.add(Node::Tensor(Box::new(view)));
                self.stack.push(Value::Tensor(id));
            }
            Class::RebuildParameter => {
                let tensor = arguments.first().copied();
                let tensor = tensor.filter(|value| matches!(value, Value::Tensor(_)));
                self.stack.push(tensor.ok_or(self.damaged())?);
            }
            Class::Dictionary | Class::ParameterDict | Class::Storage(_) => {
                return Err(PickleError::Runs { global: class.name().to_owned() });
            }
        }
        Ok(())
    }

    /// `_rebuild_tensor_v2(storage, offset, size, stride, …)`.
    fn rebuilt(&self, arguments: &[Value<'a>]) -> Option<View<'a>> {
        let &[Value::Storage(id), Value::Integer(start), shape, strides, ..] = arguments else {
            return None;
        };
        let Some(&Node::Storage(storage)) = self.nodes.get(id.0) else { return None };
        let sides = |value: Value<'a>| -> Option<Vec<u64>> {
            let sides = self.row(value).ok().filter(|sides| sides.len() <= MOST_SIDES)?;
            let side = |value: &Value<'a>| match value {
                Value::Integer(side) => u64::try_from(*side).ok(),
                _ => None,
            };
            sides.iter().map(side).collect()
        };
        let (shape, strides) = (sides(shape)?, sides(strides)?);
        let start = u64::try_from(start).ok()?;
        (shape.len() == strides.len()).then_some(View { storage, start, shape, strides })
    }

    /// Attributes given to an object: kept of what stands for a `ParameterDict`, of no use elsewhere.
    fn build(&mut self) -> Result<(), PickleError> {
        let attributes = self.pop()?;
        let (Value::Dictionary(own), Value::Dictionary(given)) = (self.top()?, attributes) else {
            return Err(self.damaged());
        };
        let Some(Node::Dictionary(members)) = self.nodes.get(given.0) else {
            return Err(self.damaged());
        };
        // Only its parameters, so that no chain of these doubles what is kept.
        let parameters = (members.iter()).find(|(key, _)| *key == Value::Text("_parameters"));
        if let Some(&member) = parameters
            && let Some(Node::Dictionary(members)) = self.nodes.get_mut(own.0)
        {
            members.push(member);
        }
        Ok(())
    }

    /// `('storage', class, key, device, length, …)` stands for numbers elsewhere in the file, `('module', class, …)`
    /// with the class's source, which is not looked at, for the class.
    fn persistent(&mut self) -> Result<(), PickleError> {
        let name = self.pop()?;
        let parts = self.row(name)?;
        if let &[Value::Text("module"), class @ Value::Class(Class::ParameterDict), ..] = parts {
            self.stack.push(class);
            return Ok(());
        }
        let (
            &[
                Value::Text("storage"),
                Value::Class(Class::Storage(class)),
                Value::Text(key),
                Value::Text(_),
                Value::Integer(length),
            ],
            // A view of a view was written before torch 0.4 only.
            [] | [Value::Other],
        ) = parts.split_at(parts.len().min(5))
        else {
            return Err(self.damaged());
        };
        let length = u64::try_from(length).map_err(|_negative| self.damaged())?;
        let id = self.add(Node::Storage(Storage { class, key, length }));
        self.stack.push(Value::Storage(id));
        Ok(())
    }
}
