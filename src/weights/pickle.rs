//! A reader of the pickles inside `.pt` and `.bin` files. A pickle is a program; this one builds plain values of the
//! few kinds that tensors are saved with, and calls nothing. Anything else is refused by its name.
//!
//! Knows instructions, not what the values mean. Instructions: `pickletools.py` of Python's standard library.

mod machine;

use machine::Machine;

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
        let mut machine = Machine::over(bytes);
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

#[cfg(test)]
mod tests;
