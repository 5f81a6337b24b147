#include "cli/commands/up_foreground.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/text.h"
#include "cli/containers.h"
#include "cli/log_follow.h"
#include "cli/member.h"
#include "cli/output.h"

namespace stack::cli {

namespace {

// What is still to come after a stop is complete: the last lines and exit messages.
constexpr auto kLastLines = std::chrono::seconds(2);

int64_t replicas_of(const Json& service) {
  int64_t replicas = int_or(member(service, "deploy"), "replicas", 1);
  return int_or(service, "scale", replicas);
}

void add_with_dependencies(const Json& services, const std::string& name, std::set<std::string>& out) {
  if (!out.insert(name).second) return;
  for (const auto& [dependency, condition] : member(member(services, name), "depends_on").items()) {
    add_with_dependencies(services, dependency, out);
  }
}

Result<> must_exist(const Json& services, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (!member(services, name).is_object()) return not_found("no such service: " + name);
  }
  return {};
}

std::set<std::string> shown_services(const Arguments& arguments, const Json& services) {
  std::vector<std::string> attached = arguments.all("attach");
  std::set<std::string> shown(attached.begin(), attached.end());
  if (shown.empty()) {
    std::set<std::string> wanted(arguments.words.begin(), arguments.words.end());
    if (wanted.empty()) {
      for (const auto& [name, service] : services.items()) wanted.insert(name);
    } else if (arguments.on("attach-dependencies")) {
      std::set<std::string> named = std::exchange(wanted, {});
      for (const std::string& name : named) add_with_dependencies(services, name, wanted);
    }
    for (const std::string& name : wanted) {
      if (bool_or(member(services, name), "attach", true)) shown.insert(name);
    }
  }
  for (const std::string& name : arguments.all("no-attach")) shown.erase(name);
  return shown;
}

std::vector<std::string> expected_labels(const std::set<std::string>& shown, const Json& services,
                                         const Json& scale) {
  std::vector<std::string> labels;
  for (const std::string& name : shown) {
    const Json& service = member(services, name);
    std::string own_name = string_or(service, "container_name");
    if (!own_name.empty()) {
      labels.push_back(own_name);
      continue;
    }
    int64_t count = int_or(scale, name, replicas_of(service));
    for (int64_t number = 1; number <= std::min<int64_t>(count, 1000); ++number) {
      labels.push_back(name + "-" + std::to_string(number));
    }
  }
  return labels;
}

// SIGINT and SIGTERM as readable bytes; blocked in every thread made afterwards.
class InterruptDescriptor {
 public:
  InterruptDescriptor() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    fd_.reset(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  }
  int get() const { return fd_.get(); }
  bool take() const {
    signalfd_siginfo info{};
    return ::read(fd_.get(), &info, sizeof info) == sizeof info;
  }

 private:
  Fd fd_;
};

// Three threads at most: the change, the logs, and a stop; this thread waits for them and for signals.
class Foreground {
 public:
  Foreground(Session& session, const Change& change, const ForegroundOptions& options)
      : session_(session),
        change_(change),
        options_(options),
        wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        printer_(options.style, options.project_name,
                 [this](int fd, std::string_view text) { progress_.load()->write(fd, text); }) {}

  Result<int> run();

 private:
  using Clock = std::chrono::steady_clock;

  void run_change();
  void run_logs();
  void run_stop();
  void log_line(const Json& line);
  void consider_abort(const std::string& service, int code);
  void wait_for_event(std::chrono::milliseconds limit);
  void notify();
  void stop_all();
  void kill_all();
  void interrupt();
  bool finished();
  int exit_code() const;

  Session& session_;
  const Change& change_;
  const ForegroundOptions& options_;
  InterruptDescriptor signals_;
  Fd wake_;
  std::unique_ptr<Progress> change_progress_;
  std::unique_ptr<Progress> stop_progress_;
  std::atomic<Progress*> progress_ = nullptr;
  LogPrinter printer_;
  LogFollower follower_;

  std::mutex mutex_;  // guards what follows, which the threads write
  std::condition_variable changed_;
  bool anything_started_ = false;
  bool change_ended_ = false;
  bool logs_ended_ = false;
  bool stop_ended_ = false;
  Result<ChangeResult> result_ = ChangeResult{};
  std::optional<int> abort_code_;   // of the container whose exit ends everything
  std::optional<int> chosen_code_;  // of --exit-code-from

  // This thread's own.
  int interrupts_ = 0;
  bool stopping_ = false;
  std::optional<Clock::time_point> stop_deadline_;
  std::thread change_thread_, logs_thread_, stop_thread_;
};

void Foreground::notify() {
  changed_.notify_all();
  eventfd_write(wake_.get(), 1);
}

void Foreground::run_change() {
  auto result = follow_change(session_, change_, *change_progress_, [this](const Json& line) {
    if (string_or(line, "event") != "action" || string_or(line, "state") != "done") return;
    std::lock_guard lock(mutex_);
    if (anything_started_) return;
    // Any finished action may be a start; an early look at the logs does no harm.
    anything_started_ = true;
    changed_.notify_all();
  });
  change_progress_->finish();
  std::lock_guard lock(mutex_);
  result_ = std::move(result);
  change_ended_ = true;
  notify();
}

void Foreground::consider_abort(const std::string& service, int code) {
  std::lock_guard lock(mutex_);
  if (service == options_.exit_code_from && !chosen_code_) chosen_code_ = code;
  bool aborts = options_.abort_on_exit || (options_.abort_on_failure && code != 0);
  if (aborts && !abort_code_) {
    abort_code_ = code;
    notify();
  }
}

void Foreground::log_line(const Json& line) {
  std::string service = string_or(line, "service");
  if (options_.shown.contains(service)) printer_.line(line);
  bool exited = line.is_object() && line.contains("exit") && !bool_or(line, "restarting");
  if (exited) consider_abort(service, static_cast<int>(int_or(line, "exit")));
}

// The engine ends the stream when nothing of the selection is alive or about to be; while the change still
// runs, what is about to be may not be known yet.
void Foreground::run_logs() {
  LogQuery query;
  query.follow = true;
  query.since = rfc3339(std::chrono::system_clock::now());
  query.services = options_.services;
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return anything_started_ || change_ended_; });
  bool announced = false;
  for (;;) {
    if (change_ended_ && (!result_ || !result_->ok)) break;
    bool was_ended = change_ended_;
    lock.unlock();
    if (!announced && !options_.labels.empty()) {
      progress_.load()->write(STDOUT_FILENO, "Attaching to " + join(options_.labels, ", ") + "\n");
    }
    announced = true;
    auto followed =
        follower_.run(session_, options_.project_name, query, [this](const Json& line) { log_line(line); });
    lock.lock();
    if (!followed && followed.error().kind() != ErrorKind::NotFound) {
      progress_.load()->write(STDERR_FILENO, "stack: logs: " + followed.error().text() + "\n");
      break;
    }
    if (was_ended) break;
    if (!follower_.resume_time().empty()) query.since = follower_.resume_time();
    changed_.wait(lock, [this] { return change_ended_; });
  }
  logs_ended_ = true;
  notify();
}

void Foreground::run_stop() {
  Json body{{"services", options_.services}};
  if (options_.timeout) body["timeout"] = *options_.timeout;
  Change stop{"stop", project_path(options_.project_name, "/stop"), std::move(body)};
  auto result = follow_change(session_, stop, *stop_progress_);
  stop_progress_->finish();
  if (!result || !result->ok) {
    std::string text = result ? result->error : result.error().text();
    stop_progress_->write(STDERR_FILENO, "stack: stop: " + text + "\n");
  }
  std::lock_guard lock(mutex_);
  stop_ended_ = true;
  notify();
}

void Foreground::stop_all() {
  if (stopping_) return;
  stopping_ = true;
  stop_progress_ = make_progress(progress_style(session_), "stop");
  {
    std::lock_guard lock(mutex_);
    if (change_ended_) progress_ = stop_progress_.get();
  }
  stop_thread_ = std::thread([this] { run_stop(); });
}

// Past the project's lock, which the stop holds.
void Foreground::kill_all() {
  auto containers = list_containers(session_, options_.project_name, Which::Running);
  if (!containers) return;
  for (const Container& container : of_services(std::move(*containers), options_.services)) {
    static_cast<void>(session_.call("POST", "/containers/" + container.id + "/kill").has_value());
  }
}

void Foreground::interrupt() {
  ++interrupts_;
  if (interrupts_ == 1) {
    progress_.load()->write(STDERR_FILENO, "\nGracefully Stopping... press Ctrl+C again to force\n");
    stop_all();
  } else if (interrupts_ == 2) {
    progress_.load()->write(STDERR_FILENO, "\nKilling...\n");
    kill_all();
  } else {
    _exit(kExitInterrupted);
  }
}

void Foreground::wait_for_event(std::chrono::milliseconds limit) {
  pollfd watched[2] = {{signals_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
  ::poll(watched, 2, static_cast<int>(limit.count()));
  eventfd_t ignored = 0;
  eventfd_read(wake_.get(), &ignored);
  while (signals_.take()) interrupt();
}

bool Foreground::finished() {
  std::unique_lock lock(mutex_);
  if (abort_code_ && !stopping_) {
    lock.unlock();
    progress_.load()->write(STDOUT_FILENO, "Aborting on container exit...\n");
    stop_all();
    return false;
  }
  if (stopping_) {
    if (!stop_ended_) return false;
    if (!stop_deadline_) stop_deadline_ = Clock::now() + kLastLines;
    return (change_ended_ && logs_ended_) || Clock::now() >= *stop_deadline_;
  }
  return change_ended_ && logs_ended_;
}

int Foreground::exit_code() const {
  if (interrupts_ > 0) return kExitInterrupted;
  if (!options_.exit_code_from.empty() && chosen_code_) return *chosen_code_;
  return abort_code_.value_or(0);
}

Result<int> Foreground::run() {
  ProgressStyle style = progress_style(session_);
  style.quiet_build = options_.quiet_build;
  change_progress_ = make_progress(style, change_.title);
  progress_ = change_progress_.get();
  printer_.expect(options_.labels);
  change_thread_ = std::thread([this] { run_change(); });
  logs_thread_ = std::thread([this] { run_logs(); });
  while (!finished()) wait_for_event(std::chrono::milliseconds(stop_deadline_ ? 100 : 60'000));
  follower_.stop();
  bool all_ended = false;
  {
    std::lock_guard lock(mutex_);
    all_ended = change_ended_;
  }
  // A change that the engine does not end, although it was stopped, must not keep the user waiting.
  if (!all_ended) _exit(exit_code());
  change_thread_.join();
  logs_thread_.join();
  if (stop_thread_.joinable()) stop_thread_.join();
  if (interrupts_ > 0) return kExitInterrupted;
  if (!result_) return std::move(result_).error();
  if (!result_->ok) return say_result(session_, *result_);
  return exit_code();
}

}  // namespace

Result<ForegroundOptions> foreground_options(Session& session, const Arguments& arguments,
                                             const ResolvedProject& project) {
  const Json& services = member(project.project, "services");
  TRY(must_exist(services, arguments.all("attach")).in("--attach"));
  TRY(must_exist(services, arguments.all("no-attach")).in("--no-attach"));
  ForegroundOptions options;
  options.exit_code_from = arguments.text("exit-code-from");
  if (!options.exit_code_from.empty())
    TRY(must_exist(services, {options.exit_code_from}).in("--exit-code-from"));
  options.project_name = project.name;
  options.services = arguments.words;
  options.shown = shown_services(arguments, services);
  TRY_ASSIGN(Json scale, parse_scale(arguments.all("scale")));
  options.labels = expected_labels(options.shown, services, scale);
  options.style.colour = session.out().colour && !arguments.on("no-color");
  options.style.prefix = !arguments.on("no-log-prefix");
  options.style.timestamps = arguments.on("timestamps");
  options.style.split_streams = true;
  options.quiet_build = arguments.on("quiet-build");
  options.abort_on_exit = arguments.on("abort-on-container-exit") || !options.exit_code_from.empty();
  options.abort_on_failure = arguments.on("abort-on-container-failure");
  TRY_ASSIGN(options.timeout, arguments.number("timeout", -1));
  return options;
}

Result<int> up_in_foreground(Session& session, const Change& change, const ForegroundOptions& options) {
  return Foreground(session, change, options).run();
}

}  // namespace stack::cli
