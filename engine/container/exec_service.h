// Additional processes in running containers: `exec`, health probes, hooks.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/container/container_service.h"

namespace stack::engine {

struct ExecRequest {
  std::vector<std::string> command;
  std::vector<std::string> env;  // "K=V"
  std::string user;
  std::string working_dir;
  bool tty = false;
  bool want_stdin = false;
  bool want_output = true;
  bool privileged = false;
  std::string detach_keys;  // "" = ctrl-p,ctrl-q
  uint16_t rows = 0;        // of the terminal; 0: the kernel's default
  uint16_t columns = 0;
};

// One exec session, kept for a while after its end so that clients can read the exit code.
struct ExecSession {
  explicit ExecSession(asio::io_context& io) : changed(io) {}

  std::string id;
  ContainerPtr container;
  ExecRequest request;
  bool started = false;
  bool uncertain = false;  // its engine died, and it is not known yet whether the command starts
  bool running = false;
  int exit_code = 0;
  int64_t pid = 0;
  std::string failure;  // why it could not start
  std::chrono::steady_clock::time_point ended;
  std::shared_ptr<asio::posix::stream_descriptor> control;
  Fd pidfd;              // of the process
  runtime::Stdio stdio;  // our ends of the streams
  Fd terminal;           // pty master, for its size
  // Its monitor outlives the engine and holds the streams, so that a client that lost its engine can come back (attach()).
  bool resumable = false;
  int attached = 0;  // number of clients whose stream has not ended
  uint32_t next_token = 1;
  std::map<uint32_t, std::shared_ptr<std::optional<Result<Fd>>>> attaching;
  Signal changed;

  void set_ended() {
    running = false;
    ended = std::chrono::steady_clock::now();
  }
};
using ExecPtr = std::shared_ptr<ExecSession>;

// Counts an attached client of a resumable session.
class ExecAttachment {
 public:
  explicit ExecAttachment(ExecPtr session) : session_(std::move(session)) { ++session_->attached; }
  ~ExecAttachment() { --session_->attached; }
  ExecAttachment(const ExecAttachment&) = delete;
  ExecAttachment& operator=(const ExecAttachment&) = delete;

 private:
  ExecPtr session_;
};

class ExecService {
 public:
  ExecService(Context& context, ContainerService& containers) : context_(context), containers_(containers) {}

  // Conflict unless the container runs and is not paused.
  Result<ExecPtr> create(ContainerPtr container, ExecRequest request);
  ExecPtr find(const std::string& id) const;
  // Starts the process and sets stdio; `changed` is notified at its exit. Returns NoCommand and NotExecutable like a
  // container start.
  Task<Result<>> start(ExecPtr session);
  // Conflict if the session has already started or its container no longer runs.
  Result<> may_start(const ExecSession& session) const;
  // IDs of the sessions that run in the container.
  std::vector<std::string> running_in(const Container& container) const;
  Result<> resize(ExecPtr session, uint16_t rows, uint16_t columns);
  // The stream of a resumable session (runtime::Attached) after `position`. NotFound if its monitor has delivered
  // all output and exited.
  Task<Result<Fd>> attach(ExecPtr session, runtime::OutputPosition position);
  // The client has the exit code: forgets the session for later engines.
  void finish(const ExecSession& session);
  // Restores the resumable sessions of the previous engine. Containers must have been adopted.
  void recover();

  struct Captured {
    int exit_code = 0;   // -1: timed out
    std::string output;  // at most `limit` bytes
  };
  // Runs a command to completion and captures its output; kills it after `timeout`.
  Task<Result<Captured>> run(ContainerPtr container, ExecRequest request, Nanoseconds timeout, size_t limit);

 private:
  Task<Result<>> launch(ExecPtr session);
  Task<> supervise(ExecPtr session, pid_t helper, Fd helper_pidfd);
  Task<> follow(ExecPtr session);
  void take(ExecPtr session, runtime::Message message);
  void forget(const std::string& id);
  void forget_old();
  void recover_session(ExecPtr session);
  Task<> await_launch(ExecPtr session);
  Task<> release_monitor(ExecPtr session);
  void recover_of(ContainerPtr container);

  Context& context_;
  ContainerService& containers_;
  std::map<std::string, ExecPtr> sessions_;
};

}  // namespace stack::engine
