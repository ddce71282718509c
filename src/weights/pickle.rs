//! A reader of the pickles inside `.pt` and `.bin` files. A pickle is a program; this one builds plain values of the
//! few kinds that tensors are saved with, and calls nothing. Anything else is refused by its name.
//!
//! Knows instructions, not what the values mean. Instructions: `pickletools.py` of Python's standard library.

/// The longest pickle that is read, in bytes; that of an embedding has about a thousand. Each byte makes one value of
/// less than a hundred bytes at most, which bounds what a hostile file can take.
pub(super) const LONGEST: usize = 256 << 10;

/// Sides of a tensor that are read; real ones have two.
const MOST_SIDES: usize = 8;

/// Why a pickle cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PickleError {
    /// It names something beside tensors: `os.system`.
    #[error("it asks to run `{global}`")]
    Runs { global: String },

    /// An instruction that saving tensors does not need.
    #[error("its byte {at} is the instruction {code:#04x}, which no saved tensor needs")]
    Instruction { code: u8, at: usize },

    /// It ends too early or contradicts itself.
    #[error("its pickle is damaged at byte {at}")]
    Damaged { at: usize },
}

/// A place in [`Pickle`]'s list of what values are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id(usize);

/// A value. What it is made of lies in the [`Pickle`], so that values may share and nothing nests in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// A text.
    Text(&'a str),
    /// A whole number of at most 64 bits.
    Integer(i64),
    /// A tuple, a list or a set.
    Row(Id),
    /// A dictionary, or an object's attributes.
    Dictionary(Id),
    /// Numbers in the file.
    Storage(Id),
    /// A view of a storage.
    Tensor(Id),
    /// The name of something known.
    Class(Class),
    /// Anything else that is plain: nothing, true, a fraction, bytes.
    Other,
}

/// What a pickle may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Dictionary,
    Set,
    ParameterDict,
    RebuildTensor,
    RebuildParameter,
    Storage(StorageClass),
}

/// The number format of a storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StorageClass {
    /// `FloatStorage`.
    pub(super) name: &'static str,
    /// Bytes a number takes.
    pub(super) bytes: u64,
}

const STORAGES: [StorageClass; 9] = [
    StorageClass { name: "FloatStorage", bytes: 4 },
    StorageClass { name: "HalfStorage", bytes: 2 },
    StorageClass { name: "BFloat16Storage", bytes: 2 },
    StorageClass { name: "DoubleStorage", bytes: 8 },
    StorageClass { name: "LongStorage", bytes: 8 },
    StorageClass { name: "IntStorage", bytes: 4 },
    StorageClass { name: "ShortStorage", bytes: 2 },
    StorageClass { name: "ByteStorage", bytes: 1 },
    StorageClass { name: "BoolStorage", bytes: 1 },
];

impl Class {
    fn of(module: &str, name: &str) -> Option<Self> {
        Some(match (module, name) {
            ("collections", "OrderedDict") => Self::Dictionary,
            ("builtins" | "__builtin__", "set") => Self::Set,
            ("torch.nn.modules.container", "ParameterDict") => Self::ParameterDict,
            ("torch._utils", "_rebuild_tensor_v2") => Self::RebuildTensor,
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => {
                Self::RebuildParameter
            }
            ("torch", name) => {
                Self::Storage(*STORAGES.iter().find(|storage| storage.name == name)?)
            }
            _ => return None,
        })
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Dictionary => "collections.OrderedDict",
            Self::Set => "builtins.set",
            Self::ParameterDict => "torch.nn.modules.container.ParameterDict",
            Self::RebuildTensor => "torch._utils._rebuild_tensor_v2",
            Self::RebuildParameter => "torch._utils._rebuild_parameter",
            Self::Storage(storage) => storage.name,
        }
    }
}

/// Numbers in the file, by the key that its container finds them under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Storage<'a> {
    pub(super) class: StorageClass,
    pub(super) key: &'a str,
    /// How many numbers.
    pub(super) length: u64,
}

/// A view of a storage. Nothing of it is checked against the storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct View<'a> {
    pub(super) storage: Storage<'a>,
    /// Numbers before the first.
    pub(super) start: u64,
    pub(super) shape: Vec<u64>,
    /// Numbers from one to the next, by side.
    pub(super) strides: Vec<u64>,
}

#[derive(Debug)]
enum Node<'a> {
    Row(Vec<Value<'a>>),
    Dictionary(Vec<(Value<'a>, Value<'a>)>),
    Storage(Storage<'a>),
    Tensor(Box<View<'a>>),
}

/// A pickle that was read.
#[derive(Debug)]
pub(super) struct Pickle<'a> {
    nodes: Vec<Node<'a>>,
    /// What was saved.
    pub(super) root: Value<'a>,
    /// Bytes the pickle takes.
    pub(super) length: usize,
}

impl<'a> Pickle<'a> {
    /// Reads the pickle that `bytes` begin with.
    ///
    /// # Errors
    /// When it is damaged or asks for more than plain values.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, PickleError> {
        let bytes = bytes.get(..LONGEST).unwrap_or(bytes);
        let mut machine = Machine { bytes, ..Machine::default() };
        loop {
            if let Some(root) = machine.step()? {
                return Ok(Self { nodes: machine.nodes, root, length: machine.at });
            }
        }
    }

    /// The members of a dictionary; none of anything else.
    pub(super) fn members(&self, value: Value<'a>) -> &[(Value<'a>, Value<'a>)] {
        match value {
            Value::Dictionary(id) => match self.nodes.get(id.0) {
                Some(Node::Dictionary(members)) => members,
                _ => &[],
            },
            _ => &[],
        }
    }

    /// The member of that name, the last if there are several.
    pub(super) fn member(&self, value: Value<'a>, name: &str) -> Option<Value<'a>> {
        let members = self.members(value).iter().rev();
        members.copied().find(|(key, _)| *key == Value::Text(name)).map(|(_, value)| value)
    }

    /// The items of a row; none of anything else.
    pub(super) fn items(&self, value: Value<'a>) -> &[Value<'a>] {
        match value {
            Value::Row(id) => match self.nodes.get(id.0) {
                Some(Node::Row(items)) => items,
                _ => &[],
            },
            _ => &[],
        }
    }

    /// The view that a tensor is.
    pub(super) fn view(&self, value: Value<'a>) -> Option<&View<'a>> {
        match value {
            Value::Tensor(id) => match self.nodes.get(id.0) {
                Some(Node::Tensor(view)) => Some(view),
                _ => None,
            },
            _ => None,
        }
    }

    /// Every storage that is named, in the order of first mention.
    pub(super) fn storages(&self) -> impl Iterator<Item = Storage<'a>> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Storage(storage) => Some(*storage),
            _ => None,
        })
    }
}

/// The stack machine that a pickle is a program for.
#[derive(Default)]
struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    stack: Vec<Value<'a>>,
    /// Heights of the stack at marks.
    marks: Vec<usize>,
    memo: std::collections::BTreeMap<u32, Value<'a>>,
    nodes: Vec<Node<'a>>,
}

impl<'a> Machine<'a> {
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
    fn step(&mut self) -> Result<Option<Value<'a>>, PickleError> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(pickle: &[u8]) -> PickleError {
        Pickle::read(pickle).unwrap_err()
    }

    #[test]
    fn whatever_is_named_beside_tensors_is_refused_by_its_name() {
        let runs = |global: &str| PickleError::Runs { global: global.to_owned() };
        assert_eq!(refused(b"cos\nsystem\nX\x02\0\0\0id\x85R."), runs("os.system"));
        assert_eq!(refused(b"\x80\x04\x8c\x02os\x8c\x06system\x93."), runs("os.system"));
        assert_eq!(refused(b"(X\x02\0\0\0idios\nsystem\n."), runs("os.system"));
        assert_eq!(refused(b"\x80\x02csubprocess\nPopen\n)\x81."), runs("subprocess.Popen"));
        assert_eq!(refused(b"ctorch\nload\n."), runs("torch.load"));
        assert_eq!(refused(b"ctorch\nFloatStorage\n)R."), runs("FloatStorage"));
        assert_eq!(refused(b"\x80\x02\x82\x01."), PickleError::Instruction { code: 0x82, at: 2 });
    }

    #[test]
    fn what_is_known_cannot_be_made_of_anything_else() {
        // Attributes for a class, a tensor of a text, a parameter of a text, items under a mark.
        for pickle in [
            b"ctorch\nFloatStorage\n}b.".as_slice(),
            b"ctorch._utils\n_rebuild_tensor_v2\n(X\x01\0\0\0aK\0))tR.",
            b"ctorch._utils\n_rebuild_parameter\nX\x01\0\0\0a\x85R.",
            b"]K\x01(a.",
            b"X\x01\0\0\0aQ.",
            b"(K\x01K\x01u.",
            b"}(K\x01u.",
            b"h\x07.",
            b"",
            b".",
        ] {
            assert!(matches!(refused(pickle), PickleError::Damaged { .. }), "{pickle:?}");
        }
    }

    #[test]
    fn numbers_have_their_signs() {
        let root = |pickle| Pickle::read(pickle).unwrap().root;
        assert_eq!(root(b"\x8a\x02\xff\x00."), Value::Integer(255));
        assert_eq!(root(b"\x8a\x01\xff."), Value::Integer(-1));
        assert_eq!(root(b"J\xfe\xff\xff\xff."), Value::Integer(-2));
        assert_eq!(root(b"\x8a\x09\0\0\0\0\0\0\0\0\x01."), Value::Other);
    }

    /// A list that holds itself, and one told thousands of times, are no deeper than others.
    #[test]
    fn values_that_share_take_no_more_than_their_bytes() {
        let own = Pickle::read(b"]q\0h\0a.").unwrap();
        assert_eq!(own.items(own.root), [own.root]);
        let deep = [b"]".repeat(60_000), b"a".repeat(59_999), b".".to_vec()].concat();
        let deep = Pickle::read(&deep).unwrap();
        assert_eq!(deep.items(deep.root).len(), 1);
    }

    #[test]
    fn no_bytes_make_it_fall() {
        let mut state = 7_u64;
        let mut random = move || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as usize
        };
        let known =
            b".\x80\x95(01qr\x94hjc\x93iR\x81bQN\x88KMJ\x8aGX\x8cUC)]\x85\x86t}aesu\0\x01\n";
        for _ in 0..20_000 {
            let pickle: Vec<u8> =
                (0..random() % 40).map(|_| known[random() % known.len()]).collect();
            drop(Pickle::read(&pickle));
        }
    }
}
