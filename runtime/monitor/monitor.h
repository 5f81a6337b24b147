// The resident part of stack-monitor: holds a container's streams, log, exit status, and descriptors across restarts of the
// engine. One thread, one poll loop, no allocation.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "runtime/monitor/engine_start.h"
#include "runtime/monitor/log_output.h"
#include "runtime/monitor/output_history.h"
#include "runtime/monitor/readers.h"
#include "runtime/monitor/socket_message.h"
#include "runtime/monitor/system_calls.h"
#include "runtime/monitor/wire.h"

namespace stack::runtime {

class MonitorLoop {
 public:
  MonitorLoop(wire::MonitorState& state, char** env) : state_(state), engine_(state, env) {}
  // Returns when the container has exited and the engine has acknowledged it.
  void run();

 private:
  struct Polled;

  void begin();
  void step();
  void handle(const Polled& polled);

  // container
  void read_output(int& fd, wire::Stream stream, LineLogger& logger);
  void drain_output();
  void note_exit();
  void read_exit_status();
  int read_foreign_status();
  void open_stat_file();
  void write_exit_file(bool durable);
  uint64_t count_oom_kills();
  void note_oom();

  // stdin
  void read_input(Reader& reader, bool cut);
  void end_input();
  void write_input();
  void close_input();

  // engine
  void accept_engine();
  void greet();
  void read_requests();
  void handle_request(const Received& received);
  void lose_engine();
  enum Unreported : uint32_t { kStdinEnd = 1, kOom = 2, kExit = 4 };
  void report(Unreported what);
  void send_untold();
  bool send_type(wire::Type type);
  bool send_exit();
  void refuse(uint32_t token, const char* text);
  void attach(const wire::AttachMessage& message);
  void replay(Reader& reader, const wire::AttachMessage& message);
  void note_lost_readers();
  int64_t awaiting_readers() const;
  // An exec session: without a listener, it belongs only to the engine that started it.
  bool is_session() const { return (state_.flags & wire::kWatchExec) != 0; }
  bool outlives_engine() const { return state_.listener >= 0; }
  bool is_orphaned() const { return is_session() && exited_ && !draining_ && state_.control < 0; }
  void drain_session();
  void end_session();
  void consider_input_end();
  int64_t next_timer(int64_t held_for);
  void hold(const char* names, size_t size, const Received& received);
  void drop_held(const char* name, size_t size);
  void change_log(const wire::LogMessage& message, const Received& received);
  int held_index(const char* name);
  void consider_engine_start();

  wire::MonitorState& state_;
  EngineStart engine_;
  LogOutput log_;
  LineLogger out_{wire::kStreamStdout};
  LineLogger err_{wire::kStreamStderr};
  Readers readers_;
  OutputHistory history_;
  wire::ExitStatus status_;
  bool exited_ = false;
  bool draining_ = false;         // the command of a session has exited, its output is still being read
  size_t drained_ = 0;            // bytes read since then
  int64_t orphaned_since_ = 0;    // when an exited session lost its engine; monotonic milliseconds
  int64_t input_cut_ = 0;         // when a reader with stdin disconnected without closing stdin first
  uint32_t unreported_ = 0;       // messages not yet sent to the engine: Unreported bits
  int64_t reader_left_ = 0;   // when a resumable reader left; monotonic milliseconds
  int64_t readers_lost_ = 0;  // when resumable readers lost their engine; 0: none
  bool done_ = false;
  bool released_ = false;  // nobody wants the output of this session
  bool engine_left_ = false;
  int64_t next_engine_start_ = 0;  // monotonic milliseconds; 0: none planned
  uint64_t oom_seen_ = 0;
  int terminal_peer_ = -1;
  int stat_file_ = -1;  // /proc/<pid>/stat of an adopted container

  size_t input_held_ = 0;  // bytes not yet accepted by stdin
  size_t input_sent_ = 0;
  bool input_ends_ = false;  // close stdin after these bytes
  char input_[4096];
  char output_[kLargestFrame];
  char message_[wire::kMaxMessage];
};

}  // namespace stack::runtime
