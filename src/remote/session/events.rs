//! What a session is told, and what it wants done.

use uuid::Uuid;

use crate::protocol::Item;
use crate::remote::order::{Order, Outcome};

/// What happened.
#[derive(Clone, Debug)]
pub(in crate::remote) enum Event {
    /// A task is to be carried out.
    Submit(Box<Order>),
    /// Nobody wants that task's results any more.
    Forget(Uuid),
    /// The connection is open.
    Opened,
    /// A text arrived.
    Frame(String),
    /// The oldest text that was to be sent has been handed to the line.
    Written,
    /// The connection could not be made, or ended.
    Closed(Closed),
    /// Time went by.
    Tick,
}

/// How a connection ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::remote) struct Closed {
    /// Close code of the WebSocket, if there was one.
    pub(in crate::remote) code: Option<u16>,
    /// HTTP status with which the service turned the connection down.
    pub(in crate::remote) status: Option<u16>,
    /// For people; names the host at most.
    pub(in crate::remote) why: String,
    /// Whether trying again is of no use.
    pub(in crate::remote) is_final: bool,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::remote) enum Command {
    /// Open a connection.
    Connect,
    /// Send that text.
    Send(String),
    /// Close the connection.
    HangUp,
    /// The service is out of reach for a while, and why; `None`: it is not any more.
    OutOfReach(Option<String>),
    /// A task is about to be sent for the first time.
    Sent(Uuid),
    /// Hand a result over.
    Deliver(Uuid, Item),
    /// A task has ended.
    End(Uuid, Outcome),
}
