// Finding the engine, or starting it: the engine is never installed or started by hand.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "http/client/client.h"

namespace stack::cli {

struct EnginePlace {
  std::string root;
  std::string run_root;
  std::string foreign_socket = {};  // of an engine that is never started from here; "" = ours
  std::string socket() const { return foreign_socket.empty() ? run_root + "/stack.sock" : foreign_socket; }
  std::string log() const { return run_root + "/stackd.log"; }
};

// A connection to an engine that serves; NotFound where none does. Never starts one.
Result<http::Client> connect_running(const EnginePlace& place);

// The same, starting the engine where none serves. Callers that race are serialised by a lock file; the
// losers use the winner's engine. Returns once the engine serves. Where it cannot start, the error holds its
// last log lines.
Result<http::Client> connect_or_start(const EnginePlace& place);

// Did the connection break in the middle (the engine died), so that the same request may be sent again?
bool is_broken_connection(const Error& error);

// Beside this executable, $STACK_LIBEXEC, ../libexec/stack, /usr/libexec/stack, /usr/local/libexec/stack;
// else "stackd", for PATH.
std::string find_engine_program(const std::string& own_folder, const std::string& libexec);

// The last `count` lines of a text.
std::vector<std::string> last_lines(std::string_view text, size_t count);

}  // namespace stack::cli
