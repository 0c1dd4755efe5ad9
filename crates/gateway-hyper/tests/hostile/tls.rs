//! Attacks on TLS.

use crate::support::survives;

#[test]
fn handshakes_that_stop_are_not_waited_for() {
    survives("tls-stopped-handshake");
}

#[test]
fn h_100_clients_that_say_nothing_are_disconnected() {
    survives("tls-silent");
}

#[test]
fn clients_that_read_nothing_are_disconnected() {
    survives("tls-deaf");
}
