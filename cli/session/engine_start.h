// Finds the engine or starts it, so that users need not install or start it.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "http/client/client.h"

namespace stack::cli {

struct EnginePlace {
  std::string root;
  std::string run_root;
  std::string foreign_socket = {};  // socket of an engine that this program never starts; "" = our engine
  std::string socket() const { return foreign_socket.empty() ? run_root + "/stack.sock" : foreign_socket; }
  std::string log() const { return run_root + "/stackd.log"; }
};

// Connects to a running engine; NotFound if there is none. Never starts one.
Result<http::Client> connect_running(const EnginePlace& place);

// Connects to the engine and starts it if necessary. A lock file serializes concurrent callers, which then share
// one engine. Returns once the engine serves. If it cannot start, the error contains its last log lines.
Result<http::Client> connect_or_start(const EnginePlace& place);

// Whether the connection broke because the engine died, so that the request may be repeated.
bool is_broken_connection(const Error& error);

// Searches the folder of this executable, $STACK_LIBEXEC, ../libexec/stack, /usr/libexec/stack, and
// /usr/local/libexec/stack; otherwise returns "stackd", to be found in PATH.
std::string find_engine_program(const std::string& own_folder, const std::string& libexec);

// This program's file, and stackd as found from it.
std::string own_program();
std::string engine_program();

// The same for another of our programs, in this executable's folder.
std::string find_program(const std::string& name);

// The last `count` lines of a text.
std::vector<std::string> last_lines(std::string_view text, size_t count);

}  // namespace stack::cli
