//! Attacks by HTTP/1, and by what is not HTTP at all.

use crate::support::survives;

#[test]
fn h_100_clients_that_say_nothing_are_disconnected() {
    survives("http1-silent");
}

#[test]
fn h_100_idle_connections_are_closed() {
    survives("http1-idle");
}

#[test]
fn h_100_slow_heads_end_by_their_time() {
    survives("http1-slow-head");
}

#[test]
fn h_49_h_100_slow_bodies_end_by_their_time() {
    survives("http1-slow-body");
}

#[test]
fn clients_that_read_nothing_are_disconnected() {
    survives("http1-deaf");
}

#[test]
fn requests_without_end_whose_responses_nobody_reads_end_by_their_time() {
    survives("http1-deaf-pipeline");
}

#[test]
fn requests_without_end_leave_room_for_others() {
    survives("http1-pipeline");
}

#[test]
fn resets_in_requests_leave_nothing() {
    survives("http1-reset-in-request");
}

#[test]
fn resets_in_responses_leave_nothing() {
    survives("http1-reset-in-response");
}

#[test]
fn a_100_half_closed_requests_end() {
    survives("http1-half-close-in-request");
}

#[test]
fn a_100_half_closed_connections_end_while_the_application_waits() {
    survives("http1-half-close-in-wait");
}

#[test]
fn h_30_heads_without_end_are_refused() {
    survives("http1-endless-head");
}

#[test]
fn chunks_without_end_are_refused() {
    survives("http1-endless-extension");
}

#[test]
fn trailers_without_end_are_refused() {
    survives("http1-endless-trailers");
}

#[test]
fn h_100_empty_lines_without_end_are_no_sign_of_life() {
    survives("http1-empty-lines");
}

#[test]
fn other_protocols_are_turned_away() {
    survives("garbage");
}
