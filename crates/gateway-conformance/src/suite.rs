//! One `#[test]` for each case.

/// Makes a module with a `#[test]` for each case of these groups, on a [`Host`](crate::Host).
///
/// The host is an expression, evaluated in each test. The groups are those of [`Group`](crate::Group):
/// `wsgi`, `asgi_http`, `asgi_websocket`, `lifespan`, `middleware`, `http_wire`, `websocket_wire`,
/// `http2`.
///
/// ```
/// use gateway_conformance::{Application, Running, suite};
///
/// suite!(in_process, |app: Application| Ok(Running::asgi(app)), [wsgi, asgi_http, asgi_websocket]);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! suite {
    ($name:ident, $host:expr, [$($group:ident),+ $(,)?]) => {
        mod $name {
            use super::*;

            $($crate::__cases!($group, $crate::__tests, $host);)+
        }
    };
}

/// The names of the cases of a group, handed on to another macro: one list for tests and table.
#[doc(hidden)]
#[macro_export]
macro_rules! __cases {
    (wsgi, $callback:path, $host:expr) => {
        $callback! {[
            each_request_is_one_call_with_an_environ_of_its_own,
            environ_has_what_every_application_relies_on,
            environ_is_a_whole_map,
            path_is_decoded_once,
            query_is_as_sent,
            calls_that_meet_are_told_that_they_may,
            method_is_as_sent,
            type_and_length_have_keys_of_their_own,
            body_in_chunks_is_decoded_and_has_no_length_but_its_own,
            fields_are_variables,
            repeated_fields_lose_nothing,
            field_cannot_pose_as_another,
            every_octet_passes_both_ways,
            large_bodies_pass_whole,
            input_ends_with_the_body_and_stays_ended,
            read_asks_for_no_more_than_it_says,
            request_without_body_has_an_empty_input,
            lines_end_with_line_feeds,
            input_comes_while_it_is_sent,
            body_that_is_cut_is_an_error,
            every_final_status_passes,
            fields_of_the_response_keep_order_and_repetition,
            octets_of_a_value_pass,
            head_waits_for_the_body,
            restart_may_come_first,
            restart_after_output_hands_the_cause_back,
            second_start_is_refused,
            head_against_the_rules_is_refused_at_once,
            start_in_vain_is_a_start,
            application_that_never_starts_is_answered_for,
            what_is_written_comes_before_the_body,
            what_is_written_arrives_before_the_call_returns,
            write_beyond_the_length_is_refused,
            write_before_the_start_is_refused,
            write_fails_when_the_client_is_gone,
            empty_blocks_send_nothing,
            empty_body_is_a_complete_response,
            block_arrives_before_the_next_is_taken,
            length_that_is_seen_is_that_of_the_body,
            body_that_understates_itself_breaks_no_framing,
            large_response_arrives_whole,
            surplus_is_never_sent,
            deficit_is_seen_by_the_client,
            head_204_and_304_have_no_body,
            file_is_sent_from_where_it_stands,
            body_is_closed_once_after_its_last_block,
            body_is_closed_once_after_an_error,
            body_is_closed_once_after_a_panic,
            body_is_closed_once_when_its_client_leaves,
            body_that_comes_when_its_client_is_gone_is_closed,
            body_is_closed_once_where_it_is_not_wanted,
            error_of_the_close_spoils_nothing,
            failure_before_the_head_is_answered,
            failure_after_the_head_breaks_the_response_off,
            errors_stream_takes_any_text,
        ], wsgi, $host}
    };
    (asgi_http, $callback:path, $host:expr) => {
        $callback! {[
            scope_tells_of_the_request,
            path_is_decoded_once_and_kept_raw,
            path_that_is_no_text_is_the_applications_to_refuse,
            fields_stay_apart_and_in_order,
            each_request_has_a_scope_of_its_own,
            plain_connection_claims_no_tls,
            scope_that_the_application_refuses_is_answered_for,
            blocks_of_the_request_are_its_content,
            request_without_body_is_one_empty_last_block,
            blocks_come_while_they_are_sent,
            upload_waits_for_the_application,
            receive_that_is_dropped_loses_no_event,
            disconnect_comes_after_the_response_again_and_again,
            receive_and_send_wait_at_the_same_time,
            body_over_the_applications_limit_is_413,
            order_of_events_is_kept,
            events_after_the_end_change_nothing,
            status_that_is_not_final_is_refused,
            fields_keep_order_and_repetition,
            fields_of_the_connection_are_the_servers,
            surplus_fails_and_is_never_sent,
            deficit_fails_and_is_seen,
            head_204_and_304_drop_the_content,
            event_that_is_not_advertised_is_refused,
            block_arrives_before_the_next_is_sent,
            empty_block_lets_the_head_go,
            last_block_completes_the_response_while_the_application_goes_on,
            client_that_does_not_read_holds_the_application,
            request_streams_back_while_it_comes,
            flush_comes_back,
            application_that_waits_learns_that_its_client_left,
            upload_that_is_cut_is_a_disconnect,
            send_fails_when_the_client_is_gone,
            loss_is_told_without_reading_the_body,
            client_loss_of_one_harms_no_other,
            call_that_fails_before_content_is_answered_for,
            call_that_returns_without_content_is_answered_for,
            call_that_ends_in_the_middle_breaks_the_response_off,
            failure_after_the_response_changes_nothing,
            refused_event_that_comes_back_ends_the_call,
            receive_that_is_let_go_holds_nothing_up,
            send_that_is_let_go_is_answered_for,
            trailers_are_taken_where_they_are_advertised,
            file_by_path_is_sent_where_that_is_advertised,
            parts_of_files_are_sent_where_that_is_advertised,
            early_hints_change_nothing_of_the_response,
        ], asgi_http, $host}
    };
    (asgi_websocket, $callback:path, $host:expr) => {
        $callback! {[
            websocket_scope_tells_of_the_handshake,
            connect_comes_first_and_once,
            accept_tells_subprotocol_and_fields,
            accept_against_the_rules_is_refused,
            close_before_accept_is_403,
            denial_is_a_response_where_it_is_advertised,
            application_that_ends_before_its_answer_is_500,
            client_that_leaves_in_the_handshake_is_told_of,
            messages_keep_kind_and_content,
            messages_before_the_close_come_first,
            order_of_websocket_events_is_kept,
            close_has_its_code_and_reason,
            close_against_the_rules_is_refused,
            end_of_the_application_closes_the_socket,
            close_of_the_client_is_told_with_its_code,
            closed_socket_stays_closed,
            websocket_passes_every_layer,
        ], asgi_websocket, $host}
    };
    (lifespan, $callback:path, $host:expr) => {
        $callback! {[
            lifespan_frames_the_requests,
            shutdown_waits_for_requests_under_way,
            state_of_the_startup_is_in_every_request,
            application_without_lifespan_is_served,
            lifespan_that_returns_without_an_answer_is_served,
            lifespan_that_ends_early_is_not_waited_for,
            lifespan_refuses_events_in_the_wrong_place,
            startup_that_fails_is_not_served,
            crash_in_the_startup_is_not_served,
            shutdown_that_fails_is_told,
            lifespan_passes_every_layer,
            mounted_applications_have_lifespans_of_their_own,
        ], lifespan, $host}
    };
    (middleware, $callback:path, $host:expr) => {
        $callback! {[
            counter_counts_what_passes,
            path_guard_lets_no_spelling_pass,
            middleware_composes_in_both_interfaces,
            mount_gives_each_request_to_its_application,
            mount_gives_each_request_to_its_synchronous_application,
            host_decides_before_the_path,
            verified_user_reaches_the_application,
            verified_user_is_remote_user,
            cookies_of_every_field_are_one_jar,
            trusted_proxy_tells_client_and_scheme,
            stranger_is_not_believed,
            caught_error_is_answered_and_reported,
            caught_error_of_a_synchronous_application,
            call_over_its_time_is_ended,
            body_over_the_limit_of_a_layer_is_413,
            body_over_the_limit_of_a_synchronous_application,
            changed_head_is_the_one_that_arrives,
            changed_head_is_changed_after_a_restart_too,
            changed_body_has_no_false_length,
            changed_body_of_a_synchronous_application_has_no_false_length,
            changed_body_has_no_false_length_in_answer_to_head,
            changed_body_still_comes_block_by_block,
            stream_passes_every_layer_block_by_block,
            request_has_one_id_inside_and_outside,
            each_exchange_is_one_line_of_the_log,
        ], middleware, $host}
    };
    (http_wire, $callback:path, $host:expr) => {
        $callback! {[
            target_in_absolute_form_names_the_host,
            options_asterisk_is_the_whole_server,
            method_in_lower_case_is_no_other_method,
            host_is_needed_and_only_one,
            request_line_against_the_grammar_is_refused,
            field_against_the_grammar_is_refused,
            spaces_around_a_value_are_not_part_of_it,
            version_of_the_request_is_told,
            protocol_is_that_of_the_request,
            options_of_a_connection_drop_no_field_of_the_application,
            application_is_not_called_for_half_a_head,
            long_request_line_passes,
            fields_of_one_name_are_all_there,
            too_much_head_is_refused_and_never_shortened,
            chunks_are_decoded,
            length_and_chunks_together_are_refused,
            length_against_the_grammar_is_refused,
            coding_that_is_not_chunked_is_refused,
            coding_in_an_old_version_ends_the_connection,
            chunks_against_the_grammar_are_no_body,
            octets_after_the_body_are_the_next_request,
            body_that_ends_without_its_end_is_no_body,
            input_that_ends_without_its_end_fails,
            status_line_is_that_of_http,
            date_is_there_once,
            head_has_the_fields_of_get_and_no_content,
            head_has_no_invented_length,
            head_of_an_empty_body_has_no_invented_length,
            no_content_has_no_length_and_no_coding,
            response_says_how_it_ends,
            declared_length_is_the_length_on_the_wire,
            broken_response_is_seen_to_be_broken,
            blocks_are_no_empty_chunks,
            connection_is_kept_and_closed_as_asked,
            pipelined_requests_are_answered_in_order,
            unread_body_is_never_a_request,
            requests_on_several_connections_do_not_harm_each_other,
            keep_alive_request_sees_nothing_of_the_last,
            keep_alive_call_has_an_environ_of_its_own,
            continue_comes_before_the_body_is_read,
            no_continue_after_the_final_head,
            http_1_0_gets_no_continue,
            file_is_framed_as_a_body_is,
            file_that_is_none_is_refused_before_the_head_is_out,
        ], http_wire, $host}
    };
    (websocket_wire, $callback:path, $host:expr) => {
        $callback! {[
            handshake_is_answered_with_its_hash,
            handshake_against_the_rules_is_refused,
            request_for_no_websocket_is_ordinary_http,
            frames_behind_the_handshake_are_not_lost,
            lengths_have_their_shortest_form,
            fragments_make_no_difference,
            pings_are_answered_between_fragments,
            frame_against_the_rules_fails_the_socket,
            text_that_is_none_fails_the_socket,
            close_that_says_what_it_must_not_fails_the_socket,
            message_that_is_cut_is_dropped,
            close_is_echoed_and_ends_the_connection,
            what_follows_the_close_of_the_client_means_nothing,
            close_of_the_application_waits_for_that_of_the_client,
            refused_handshake_is_an_ordinary_response,
            sockets_on_several_connections_do_not_harm_each_other,
        ], websocket_wire, $host}
    };
    (http2, $callback:path, $host:expr) => {
        $callback! {[
            http2_version_method_and_target_are_told,
            http2_authority_is_the_only_host,
            http2_host_that_differs_from_the_authority_never_counts,
            http2_pseudo_fields_are_no_variables,
            http2_split_cookies_are_one_variable,
            http2_fields_keep_order_and_repetition,
            http2_large_fields_pass,
            http2_scheme_is_that_of_the_connection,
            http2_tunnel_is_not_opened,
            http2_method_in_lower_case_is_no_other_method,
            http2_names_in_upper_case_are_malformed,
            http2_fields_of_a_connection_are_malformed,
            http2_te_is_trailers_or_malformed,
            http2_pseudo_fields_out_of_place_are_malformed,
            http2_octets_that_no_field_holds_are_malformed,
            http2_target_that_is_none_is_malformed,
            http2_authority_that_is_none_is_malformed,
            http2_body_of_any_method_is_read,
            http2_request_without_body_is_one_empty_last_block,
            http2_frames_of_a_body_mean_nothing,
            http2_body_of_another_length_is_no_body,
            http2_input_of_another_length_fails,
            http2_length_against_the_grammar_is_refused,
            http2_large_bodies_pass_both_ways,
            http2_body_that_no_one_reads_is_not_taken,
            http2_body_that_is_not_read_holds_up_no_answer,
            http2_request_streams_back_while_it_comes,
            http2_every_final_status_passes,
            http2_date_is_there_once,
            http2_fields_of_a_connection_are_not_sent,
            http2_head_has_the_fields_of_get_and_no_content,
            http2_no_content_is_no_content,
            http2_whole_response_has_its_length,
            http2_empty_blocks_end_nothing,
            http2_declared_length_is_the_length_that_comes,
            http2_broken_response_is_seen_to_be_broken,
            http2_failure_before_the_head_is_answered,
            http2_client_that_does_not_read_holds_its_stream_only,
            http2_block_arrives_before_the_next_is_sent,
            http2_continue_comes_when_the_body_is_read,
            http2_no_continue_after_the_final_head,
            http2_early_hints_precede_the_head,
            http2_trailers_go_to_who_asks_for_them,
            http2_response_does_not_end_before_its_trailers,
            http2_trailers_of_a_request_are_no_fields,
            http2_streams_run_side_by_side,
            http2_bodies_of_several_streams_do_not_mix,
            http2_requests_share_nothing,
            http2_last_block_completes_while_the_application_goes_on,
            http2_reset_tells_who_waits,
            http2_reset_tells_who_only_waits_for_it,
            http2_reset_fails_what_is_sent,
            http2_reset_within_the_body_is_no_end_of_it,
            http2_end_of_the_connection_is_the_end_of_its_streams,
            http2_end_of_the_request_is_no_loss,
            http2_reset_closes_the_body_of_a_synchronous_application,
        ], http2, $host}
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __tests {
    ([$($case:ident),* $(,)?], $group:ident, $host:expr) => {
        mod $group {
            use super::*;

            $(
                #[test]
                fn $case() {
                    $crate::assert_case(&$host, stringify!($case));
                }
            )*
        }
    };
}

#[cfg(test)]
mod tests {
    use crate::case::Group;
    use crate::cases::cases;

    macro_rules! names {
        ([$($case:ident),* $(,)?], $group:ident, $host:expr) => {
            fn $group() -> Vec<&'static str> {
                vec![$(stringify!($case)),*]
            }
        };
    }

    __cases!(wsgi, names, ());
    __cases!(asgi_http, names, ());
    __cases!(asgi_websocket, names, ());
    __cases!(lifespan, names, ());
    __cases!(middleware, names, ());
    __cases!(http_wire, names, ());
    __cases!(websocket_wire, names, ());
    __cases!(http2, names, ());

    #[test]
    fn the_macro_lists_every_case_of_the_table_once() {
        let lists = [
            wsgi(),
            asgi_http(),
            asgi_websocket(),
            lifespan(),
            middleware(),
            http_wire(),
            websocket_wire(),
            http2(),
        ];
        for (group, listed) in Group::ALL.into_iter().zip(lists) {
            let table: Vec<_> = cases().filter(|(of, _)| *of == group).map(|(_, case)| case.name).collect();
            assert_eq!(listed, table, "{}", group.name());
        }
    }

    #[test]
    fn every_case_has_a_name_of_its_own_and_rules() {
        let mut names: Vec<_> = cases().map(|(_, case)| case.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        for (_, case) in cases() {
            assert!(!case.rules.is_empty() && !case.about.is_empty(), "{}", case.name);
        }
    }
}
