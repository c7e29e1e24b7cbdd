//! What gateway and keyguard answered, as the code of its refusal.

use chancery_core::message::{Call, Ordered, Reply};
use chancery_core::order::Orders;
use chancery_gateway::failure::Failure;
use chancery_gateway::sign::Answer;

use crate::world::World;

/// What the keyguard makes of orders past the gateway's own decision: the code of its refusal, after which the keys must
/// be untouched, or nothing where it signed.
pub(crate) fn ordered(world: &World, orders: &Orders) -> Option<&'static str> {
    let before = world.custodian.signatures();
    let reply = world.port.answer(Call::Sign(Box::new(orders.clone())));
    let code = match &reply {
        Reply::Refused(refusal) => refusal.code.code(),
        Reply::Ordered(each) => match each.as_slice() {
            [Ordered::Refused(refusal)] => refusal.code.code(),
            [Ordered::Signed(_)] => return None,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    assert_eq!(world.custodian.signatures(), before, "a key was used");
    Some(code)
}

/// The code of an order's refusal.
pub(crate) fn refused(world: &World, orders: &Orders) -> &'static str {
    ordered(world, orders).unwrap_or_else(|| panic!("signed: {orders:?}"))
}

/// What the gateway made of a wish: the code of its refusal, `pending`, or nothing where it was released.
pub(crate) fn answered(answer: Result<Answer, Failure>) -> Option<&'static str> {
    match answer {
        Ok(_) => None,
        Err(Failure::Pending { .. }) => Some("pending"),
        Err(Failure::Refused(refusal)) => Some(refusal.code.code()),
        Err(other) => panic!("{other:?}"),
    }
}
