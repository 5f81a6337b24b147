#include "cli/commands/compose/up_foreground.h"
#include "cli/commands/compose/dashboard_backend.h"
#include "cli/commands/compose/up_menu.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "base/text.h"
#include "cli/render/output.h"
#include "cli/session/containers.h"
#include "cli/session/log_follow.h"
#include "cli/session/member.h"

namespace stack::cli {

namespace {

// After all containers have exited, the end of their logs follows, however long it takes. If nothing arrives for this time,
// the log stream has missed an exit, because the engine was restarted.
constexpr std::chrono::milliseconds kLongestSilence{5000};
constexpr std::chrono::milliseconds kDrainInterval{50};
// Polling finds exits that the log stream missed because the engine was restarted.
constexpr std::chrono::milliseconds kPollInterval{5000};

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

// The services of this `up`: empty for all.
std::vector<std::string> attached_services(const Arguments& arguments, const Json& services) {
  if (!arguments.is_set("attach-dependencies")) return arguments.words;
  std::set<std::string> all;
  for (const std::string& name : arguments.words) add_with_dependencies(services, name, all);
  return {all.begin(), all.end()};
}

std::set<std::string> shown_services(const Arguments& arguments, const Json& services) {
  std::vector<std::string> attached = arguments.all("attach");
  std::set<std::string> shown(attached.begin(), attached.end());
  if (shown.empty()) {
    std::vector<std::string> wanted = attached_services(arguments, services);
    if (wanted.empty()) {
      for (const auto& [name, service] : services.items()) wanted.push_back(name);
    }
    for (const std::string& name : wanted) {
      if (bool_or(member(services, name), "attach", true)) shown.insert(name);
    }
  }
  for (const std::string& name : arguments.all("no-attach")) shown.erase(name);
  return shown;
}

std::vector<std::string> expected_labels(const std::set<std::string>& shown, const Json& project,
                                         const Json& scale) {
  const Json& services = member(project, "services");
  std::string separator = string_or(project, "separator", "-");
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
      labels.push_back(name + separator + std::to_string(number));
    }
  }
  return labels;
}

// SIGINT and SIGTERM as readable bytes; blocked in every thread started afterward.
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

// At most three threads: the change, the logs, and a stop. This thread waits for them and for signals.
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
  void change_line(const Json& line);
  void run_logs();
  std::vector<std::string> followed_services() const;
  void log_line(const Json& line);
  void run_stop();
  void run_watch();
  void notify();
  void note_exit(const std::string& service, int code);
  // This thread's.
  bool turn();
  void wait_for_event(std::chrono::milliseconds limit);
  void take_key();
  void begin_watch();
  void open_dashboard();
  void make_watcher(const WatchOptions& options);
  bool anything_alive();
  void begin_drain();
  bool drained();
  void stop_all();
  void kill_all();
  void interrupt();
  int exit_code() const;
  std::string ending() const;

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

  std::mutex mutex_;  // guards the members below, which the threads write
  bool change_ended_ = false;
  bool stop_ended_ = false;
  bool look_ = false;  // a container exited: check whether any is alive
  Result<ChangeResult> result_ = ChangeResult{};
  std::set<std::string> replaced_;  // containers that the change itself stops
  std::set<std::string> running_;   // containers that were started or seen running, by name
  std::set<std::string> ended_;     // those whose log has been shown to the end
  Clock::time_point last_line_;
  std::optional<int> abort_code_;   // exit code of the container that ends the command
  std::string aborted_by_;          // its service
  std::optional<int> chosen_code_;  // of --exit-code-from

  // This thread's own.
  int interrupts_ = 0;
  bool detached_ = false;
  std::optional<MenuKeys> menu_;
  std::unique_ptr<DashboardServer> dashboard_;
  BrowserLink browser_;
  bool stopping_ = false;
  bool draining_ = false;           // all containers have exited: the end of their logs is awaited
  std::set<std::string> awaited_;  // their names
  std::optional<Watcher> watcher_;
  Fd watch_stop_;
  std::thread change_thread_, logs_thread_, stop_thread_, watch_thread_;
};

void Foreground::notify() { eventfd_write(wake_.get(), 1); }

void Foreground::change_line(const Json& line) {
  if (string_or(line, "event") != "plan") return;
  std::lock_guard lock(mutex_);
  for (const Json& action : items_of(member(line, "actions"))) {
    std::string kind = string_or(action, "kind");
    if (kind == "stop-container" || kind == "kill-container" || kind == "remove-container") {
      replaced_.insert(string_or(action, "object"));
    } else if (kind == "start-container") {
      running_.insert(string_or(action, "object"));
    }
  }
}

void Foreground::run_change() {
  auto result =
      follow_change(session_, change_, *change_progress_, [this](const Json& line) { change_line(line); });
  change_progress_->finish();
  std::lock_guard lock(mutex_);
  result_ = std::move(result);
  change_ended_ = true;
  look_ = true;
  notify();
}

void Foreground::note_exit(const std::string& service, int code) {
  const std::vector<std::string>& watched = options_.services;
  if (!watched.empty() && std::find(watched.begin(), watched.end(), service) == watched.end()) return;
  if (service == options_.exit_code_from && !chosen_code_) chosen_code_ = code;
  bool aborts = options_.abort_on_exit || (options_.abort_on_failure && code != 0);
  if (!aborts || abort_code_) return;
  abort_code_ = code;
  aborted_by_ = service;
}

void Foreground::log_line(const Json& line) {
  std::string service = string_or(line, "service");
  bool exited = line.is_object() && line.contains("exit");
  {
    std::lock_guard lock(mutex_);
    last_line_ = Clock::now();
  }
  if (exited) {
    std::lock_guard lock(mutex_);
    // Stopped because it is being replaced: not shown.
    if (!change_ended_ && replaced_.contains(string_or(line, "container"))) return;
  }
  if (options_.shown.contains(service)) printer_.line(line);
  if (!exited || bool_or(line, "restarting")) return;
  std::lock_guard lock(mutex_);
  ended_.insert(string_or(line, "container"));
  // Exits during the change are checked when it is done.
  if (change_ended_) note_exit(service, static_cast<int>(int_or(line, "exit")));
  look_ = true;
  notify();
}

// Empty: all.
std::vector<std::string> Foreground::followed_services() const {
  if (options_.services.empty()) return {};
  std::set<std::string> followed = options_.shown;
  followed.insert(options_.services.begin(), options_.services.end());
  return {followed.begin(), followed.end()};
}

// Starts before the first container does, so that no line is missed, and runs until this thread ends it.
void Foreground::run_logs() {
  LogQuery query;
  query.follow = true;
  query.stay = true;
  query.attach = true;
  query.since = rfc3339(std::chrono::system_clock::now());
  query.services = followed_services();
  if (!options_.labels.empty()) {
    progress_.load()->write(STDOUT_FILENO, "Attaching to " + join(options_.labels, ", ") + "\n");
  }
  auto followed =
      follower_.run(session_, options_.project_name, query, [this](const Json& line) { log_line(line); });
  if (!followed) progress_.load()->write(STDERR_FILENO, "stack: logs: " + followed.error().text() + "\n");
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

void Foreground::run_watch() {
  auto watched = watcher_->run(watch_stop_.get());
  if (!watched) progress_.load()->write(STDERR_FILENO, "stack: watch: " + watched.error().text() + "\n");
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

// Bypasses the project lock, which the stop holds.
void Foreground::kill_all() {
  auto containers = list_containers(session_, options_.project_name, ContainerFilter::Running);
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
    menu_.reset();
    _exit(kExitInterrupted);
  }
}

void Foreground::wait_for_event(std::chrono::milliseconds limit) {
  int keyboard = menu_ ? STDIN_FILENO : -1;  // poll(2) ignores a negative descriptor
  int dashboard = dashboard_ ? dashboard_->listener() : -1;
  pollfd watched[4] = {
      {signals_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}, {keyboard, POLLIN, 0}, {dashboard, POLLIN, 0}};
  if (::poll(watched, 4, static_cast<int>(limit.count())) == 0) {
    std::lock_guard lock(mutex_);
    look_ = true;
  }
  eventfd_t ignored = 0;
  eventfd_read(wake_.get(), &ignored);
  while (signals_.take()) interrupt();
  if (menu_ && watched[2].revents != 0) take_key();
  if (dashboard_ && watched[3].revents != 0) dashboard_->accept_one();
}

void Foreground::take_key() {
  // A terminal that was closed is always readable.
  if (!MenuKeys::is_possible()) return menu_.reset();
  switch (menu_->take()) {
    case MenuKeys::Key::None:
      return;
    case MenuKeys::Key::Detach:
      detached_ = true;
      return;
    case MenuKeys::Key::Watch:
      return begin_watch();
    case MenuKeys::Key::Dashboard:
      return open_dashboard();
    case MenuKeys::Key::Quit:
      return interrupt();
  }
}

// Read-only, and until this command ends.
void Foreground::open_dashboard() {
  if (!dashboard_) {
    auto started = start_dashboard(session_, 0, false);
    if (!started) {
      progress_.load()->write(STDERR_FILENO, "stack: dashboard: " + started.error().text() + "\n");
      return;
    }
    dashboard_ = std::move(*started);
  }
  const std::string link = dashboard_->new_link();
  progress_.load()->write(STDERR_FILENO, "dashboard: " + link + "\n");
  // Without a desktop, the user opens the link.
  if (getenv("DISPLAY") != nullptr || getenv("WAYLAND_DISPLAY") != nullptr) (void)browser_.open(link);
}

void Foreground::begin_watch() {
  if (watcher_) return;
  make_watcher(*options_.menu);
  Result<> prepared = watcher_->prepare();
  if (prepared) return;
  progress_.load()->write(STDERR_FILENO, "stack: watch: " + prepared.error().text() + "\n");
  watcher_.reset();
}

void Foreground::make_watcher(const WatchOptions& options) {
  watch_stop_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  watcher_.emplace(session_, options,
                   [this](int fd, std::string_view text) { progress_.load()->write(fd, text); });
}

bool Foreground::anything_alive() {
  auto containers = list_containers(session_, options_.project_name, ContainerFilter::All);
  // The engine does not answer now; the next poll asks again.
  if (!containers) return true;
  bool alive = false;
  std::lock_guard lock(mutex_);
  for (const Container& container : of_services(std::move(*containers), options_.services)) {
    alive = alive || container.is_running();
    if (container.is_running()) running_.insert(container.name);
    if (container.state == "exited" || container.state == "dead")
      note_exit(container.service, container.exit_code);
  }
  return alive;
}

// The exit of a container follows its last line in the log stream.
void Foreground::begin_drain() {
  draining_ = true;
  auto containers = list_containers(session_, options_.project_name, ContainerFilter::All);
  std::lock_guard lock(mutex_);
  last_line_ = Clock::now();
  if (!containers) return;
  for (const Container& container : of_services(std::move(*containers), options_.services)) {
    bool exited = container.state == "exited" || container.state == "dead";
    if (exited && running_.contains(container.name)) awaited_.insert(container.name);
  }
}

bool Foreground::drained() {
  std::lock_guard lock(mutex_);
  bool all = std::includes(ended_.begin(), ended_.end(), awaited_.begin(), awaited_.end());
  return all || Clock::now() - last_line_ > kLongestSilence;
}

// Handles one round of events; returns false at the end.
bool Foreground::turn() {
  std::unique_lock lock(mutex_);
  bool change_ended = change_ended_;
  bool failed = change_ended && (!result_ || !result_->ok);
  bool stop_ended = stop_ended_;
  bool look = std::exchange(look_, false);
  lock.unlock();
  if (detached_) return false;
  if (draining_) return !drained();
  if (failed && !stopping_) return false;
  bool over = stopping_ && stop_ended;
  if (!stopping_ && change_ended && watcher_ && !watch_thread_.joinable())
    watch_thread_ = std::thread([this] { run_watch(); });
  // While files are watched, a rebuild may stop all containers for a moment.
  if (!stopping_ && change_ended && look && !watcher_) over = !anything_alive();
  lock.lock();
  bool aborts = abort_code_.has_value();
  lock.unlock();
  if (over) {
    begin_drain();
  } else if (aborts && !stopping_) {
    progress_.load()->write(STDOUT_FILENO, "Aborting on container exit...\n");
    stop_all();
  }
  return true;
}

// States which exit ended the command and which exit code is returned.
std::string Foreground::ending() const {
  if (!abort_code_ || interrupts_ > 0) return "";
  std::string text = "stack: " + aborted_by_ + " exited with code " + std::to_string(*abort_code_);
  const std::string& chosen = options_.exit_code_from;
  if (chosen.empty() || chosen == aborted_by_ || !chosen_code_) return text + "\n";
  return text + "; returning exit code " + std::to_string(*chosen_code_) + " of " + chosen + "\n";
}

int Foreground::exit_code() const {
  if (interrupts_ > 0) return kExitInterrupted;
  if (!options_.exit_code_from.empty() && chosen_code_) return *chosen_code_;
  return abort_code_.value_or(0);
}

Result<int> Foreground::run() {
  ProgressStyle style = progress_style(session_);
  style.quiet_build = options_.quiet_build;
  style.quiet_pull = options_.quiet_pull;
  change_progress_ = make_progress(style, change_.title);
  progress_ = change_progress_.get();
  if (options_.watch) {
    make_watcher(*options_.watch);
    TRY(watcher_->prepare());
  }
  if (options_.menu) {
    menu_.emplace();
    progress_.load()->write(STDERR_FILENO, "d: detach   w: watch   o: open the dashboard   q: stop\n");
  }
  printer_.expect(options_.labels);
  logs_thread_ = std::thread([this] { run_logs(); });
  change_thread_ = std::thread([this] { run_change(); });
  while (turn()) wait_for_event(draining_ ? kDrainInterval : kPollInterval);
  follower_.stop();
  if (watcher_) eventfd_write(watch_stop_.get(), 1);
  bool all_ended = false;
  {
    std::lock_guard lock(mutex_);
    all_ended = change_ended_;
  }
  menu_.reset();
  if (detached_) progress_.load()->write(STDERR_FILENO, "detached; the containers keep running\n");
  // A change that the engine does not end after a stop must not keep the user waiting.
  if (!all_ended) _exit(exit_code());
  change_thread_.join();
  logs_thread_.join();
  if (stop_thread_.joinable()) stop_thread_.join();
  if (watch_thread_.joinable()) watch_thread_.join();
  if (interrupts_ > 0) return kExitInterrupted;
  if (!result_) return std::move(result_).error();
  if (!result_->ok) return say_result(session_, *result_);
  progress_.load()->write(STDERR_FILENO, ending());
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
  options.services = attached_services(arguments, services);
  options.shown = shown_services(arguments, services);
  TRY_ASSIGN(Json scale, parse_scale(arguments.all("scale")));
  options.labels = expected_labels(options.shown, project.project, scale);
  options.style.color = session.out().color && !arguments.is_set("no-color");
  options.style.prefix = !arguments.is_set("no-log-prefix");
  options.style.timestamps = arguments.is_set("timestamps");
  options.style.split_streams = true;
  options.quiet_build = arguments.is_set("quiet-build");
  options.quiet_pull = arguments.is_set("quiet-pull");
  options.abort_on_exit = arguments.is_set("abort-on-container-exit") || !options.exit_code_from.empty();
  options.abort_on_failure = arguments.is_set("abort-on-container-failure");
  TRY_ASSIGN(options.timeout, arguments.number("timeout", -1));
  return options;
}

Result<int> up_in_foreground(Session& session, const Change& change, const ForegroundOptions& options) {
  return Foreground(session, change, options).run();
}

}  // namespace stack::cli
