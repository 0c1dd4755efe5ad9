//! Attacks on WebSockets.

use crate::support::survives;

#[test]
fn s_45_clients_that_answer_no_ping_are_disconnected() {
    survives("websocket-silent");
}

#[test]
fn clients_that_read_nothing_are_disconnected() {
    survives("websocket-deaf");
}

#[test]
fn s_43_clients_that_ping_and_read_nothing_are_disconnected() {
    survives("websocket-deaf-pings");
}

#[test]
fn empty_messages_without_end_leave_room_for_others() {
    survives("websocket-empty-messages");
}

#[test]
fn empty_fragments_without_end_leave_room_for_others() {
    survives("websocket-empty-fragments");
}

#[test]
fn empty_compressed_fragments_without_end_leave_room_for_others() {
    survives("websocket-empty-compressed-fragments");
}

#[test]
fn s_40_messages_that_grow_when_they_are_inflated_are_refused() {
    survives("websocket-bomb");
}
