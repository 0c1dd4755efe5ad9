//! Attacks by HTTP/2.

use crate::support::survives;

#[test]
fn h_100_connections_that_never_had_a_request_are_closed() {
    survives("http2-silent");
}

#[test]
fn h_100_heads_that_do_not_end_are_not_waited_for() {
    survives("http2-unfinished-head");
}

#[test]
fn h_49_h_100_bodies_that_do_not_come_end_by_their_time() {
    survives("http2-stalled-bodies");
}

#[test]
fn responses_whose_window_is_never_opened_end_by_their_time() {
    survives("http2-closed-windows");
}

#[test]
fn refusals_whose_window_is_never_opened_hold_no_connection() {
    survives("http2-closed-windows-for-refusals");
}

#[test]
fn clients_that_read_nothing_are_disconnected() {
    survives("http2-deaf");
}

#[test]
fn clients_that_ping_and_read_nothing_are_disconnected() {
    survives("http2-deaf-pings");
}

#[test]
fn pings_without_end_leave_room_for_others() {
    survives("http2-pings");
}

#[test]
fn settings_without_end_leave_room_for_others() {
    survives("http2-settings");
}

#[test]
fn priorities_without_end_leave_room_for_others() {
    survives("http2-priorities");
}

#[test]
fn empty_data_without_end_leaves_room_for_others() {
    survives("http2-empty-data");
}

#[test]
fn data_in_single_octets_leaves_room_for_others() {
    survives("http2-tiny-data");
}

#[test]
fn windows_that_open_by_an_octet_leave_room_for_others() {
    survives("http2-tiny-windows");
}

#[test]
fn heads_in_continuations_without_end_are_refused() {
    survives("http2-continuations");
}

#[test]
fn heads_that_grow_when_they_are_unpacked_are_refused() {
    survives("http2-hpack-bombs");
}

#[test]
fn requests_that_are_taken_back_at_once_end_the_connection() {
    survives("http2-rapid-reset-at-once");
}

#[test]
fn requests_that_are_taken_back_later_end_the_connection() {
    survives("http2-rapid-reset");
}

#[test]
fn responses_that_the_server_is_made_to_take_back_end_the_connection() {
    survives("http2-made-you-reset");
}

#[test]
fn streams_beyond_their_number_leave_room_for_others() {
    survives("http2-too-many-streams");
}

#[test]
fn denials_whose_window_is_never_opened_end_by_their_time() {
    survives("http2-closed-windows-for-denials");
}

#[test]
fn handshakes_that_are_taken_back_end_the_connection() {
    survives("http2-rapid-reset-of-websockets");
}
