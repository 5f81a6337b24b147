#include "cli/watch/watcher.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <memory>

#include "base/directory.h"
#include "base/files.h"
#include "base/text.h"
#include "cli/render/frames.h"
#include "cli/render/output.h"
#include "cli/session/change.h"
#include "cli/session/containers.h"
#include "cli/session/member.h"

namespace stack::cli {

namespace {

using Clock = std::chrono::steady_clock;
// Changes come in bursts (a save, a branch switch). A batch ends when nothing changed for this long,
constexpr std::chrono::milliseconds kQuiet{200};
// or after this long at the latest.
constexpr std::chrono::milliseconds kLongest{2000};

bool exists(const std::string& path) {
  struct stat info{};
  return ::lstat(path.c_str(), &info) == 0;
}

std::string changes_text(size_t count) {
  return std::to_string(count) + (count == 1 ? " change" : " changes");
}

void list_tree(const WatchRule& rule, const std::string& directory, std::set<std::string>& found) {
  for (const std::string& name : names_in(directory).value_or(std::vector<std::string>())) {
    std::string path = directory + "/" + name;
    struct stat info{};
    if (::lstat(path.c_str(), &info) != 0) continue;
    if (rule.concerns(path)) found.insert(path);
    if (S_ISDIR(info.st_mode) && !rule.skips_directory(path)) list_tree(rule, path, found);
  }
}

}  // namespace

Watcher::Watcher(const Session& session, WatchOptions options, Print print)
    : session_(session.globals(), session.environment(), session.current_directory()),
      options_(std::move(options)),
      print_(std::move(print)) {
  session_.set_command(session.command());
}

void Watcher::report(const std::string& text) const {
  print_(STDOUT_FILENO, paint("⦿", Color::Green, session_.out().color) + " " + text + "\n");
}

void Watcher::complain(const std::string& service, const Error& error) const {
  print_(STDERR_FILENO, "stack: watch: service " + service + ": " + error.text() + "\n");
}

Result<> Watcher::prepare() {
  std::vector<std::string> warnings;
  TRY_ASSIGN(rules_, watch_rules(options_.project, options_.services, warnings));
  for (const std::string& text : warnings) print_(STDERR_FILENO, "warning: " + text + "\n");
  if (rules_.empty())
    return invalid("the selected services have no watch rules; add them under develop.watch");
  TRY_ASSIGN(FileEvents events, FileEvents::open([this](const std::string& directory) {
               return std::all_of(rules_.begin(), rules_.end(),
                                  [&](const WatchRule& rule) { return rule.skips_directory(directory); });
             }));
  events_.emplace(std::move(events));
  for (const WatchRule& rule : rules_) TRY(events_->add(rule.path).in("service " + rule.service));
  return {};
}

Result<> Watcher::run(int stop) {
  sync_initially();
  report("Watch enabled");
  std::set<std::string> changed;
  while (collect(stop, changed)) {
    for (const auto& [service, work] : work_for(rules_, changed, exists)) carry_out(service, work);
    changed.clear();
  }
  return {};
}

void Watcher::sync_initially() {
  for (const WatchRule& rule : rules_) {
    if (!rule.initial_sync || !rule.syncs()) continue;
    std::set<std::string> files;
    if (is_directory(rule.path)) {
      list_tree(rule, rule.path, files);
    } else {
      files.insert(rule.path);
    }
    std::map<std::string, WatchWork> work = work_for({rule}, files, exists);
    if (!work.empty()) carry_out(rule.service, work.begin()->second);
  }
}

// Collects one batch; returns false when `stop` is readable.
bool Watcher::collect(int stop, std::set<std::string>& changed) {
  Clock::time_point first;
  for (;;) {
    pollfd watched[2] = {{stop, POLLIN, 0}, {events_->fd(), POLLIN, 0}};
    int ready = ::poll(watched, 2, changed.empty() ? -1 : static_cast<int>(kQuiet.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0 || (watched[0].revents & (POLLIN | POLLHUP)) != 0) return false;
    if (ready == 0) return true;
    if (changed.empty()) first = Clock::now();
    auto more = events_->read();
    if (more) {
      changed.merge(*more);
    } else {
      print_(STDERR_FILENO, "stack: " + more.error().text() + "\n");
    }
    if (!changed.empty() && Clock::now() - first > kLongest) return true;
  }
}

void Watcher::carry_out(const std::string& service, const WatchWork& work) {
  const Clock::time_point begun = Clock::now();
  Result<std::string> done = perform(service, work);
  if (!done) return complain(service, done.error());
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.1f s",
                std::chrono::duration<double>(Clock::now() - begun).count());
  if (!done->empty()) report("Service \"" + service + "\": " + *done + " in " + seconds);
}

// Returns what was done: "2 files synced, restarted".
Result<std::string> Watcher::perform(const std::string& service, const WatchWork& work) {
  if (work.rebuild) {
    TRY(rebuild(service));
    return std::string("rebuilt");
  }
  std::vector<std::string> steps;
  TRY_ASSIGN(SyncedReplicas synced, sync(service, work));
  if (synced.files > 0)
    steps.push_back(std::to_string(synced.files) + (synced.files == 1 ? " file" : " files") + " synced");
  // A container that ended because of the edit gets the mended file and another chance.
  if (work.restart || synced.stopped > 0) {
    TRY(work.restart ? restart(service) : start_stopped(service));
    steps.emplace_back(work.restart ? "restarted" : "started again");
  }
  for (const Json& hook : work.execs) {
    TRY(run_hook(service, hook));
    steps.emplace_back("hook run");
  }
  return join(steps, ", ");
}

Result<std::vector<std::string>> Watcher::replicas_of(const std::string& service) {
  TRY_ASSIGN(auto containers, list_containers(session_, options_.project_name, ContainerFilter::Running));
  std::vector<std::string> ids;
  for (const Container& container : of_services(std::move(containers), {service}))
    ids.push_back(container.id);
  return ids;
}

Result<Watcher::SyncedReplicas> Watcher::sync(const std::string& service, const WatchWork& work) {
  SyncedReplicas synced;
  size_t count = work.copies.size() + work.removals.size();
  if (count == 0) return synced;
  synced.files = count;
  report("Syncing service \"" + service + "\" after " + changes_text(count));
  Json body{{"copy", Json::array()}, {"remove", work.removals}};
  for (const auto& [source, target] : work.copies)
    body["copy"].push_back({{"source", source}, {"target", target}});
  TRY_ASSIGN(auto containers, list_containers(session_, options_.project_name, ContainerFilter::All));
  containers = of_services(std::move(containers), {service});
  if (containers.empty()) return not_found("it has no container");
  for (const Container& container : containers) {
    TRY(session_.call("POST", "/stack/v1/containers/" + container.id + "/sync", body));
    if (container.state == "exited" || container.state == "dead") ++synced.stopped;
  }
  return synced;
}

Result<> Watcher::start_stopped(const std::string& service) {
  report("Starting service \"" + service + "\", whose container had exited");
  return change_service("start", {{"services", {service}}, {"no_deps", true}});
}

Result<> Watcher::restart(const std::string& service) {
  report("Restarting service \"" + service + "\"");
  return change_service("restart", {{"services", {service}}, {"no_deps", true}});
}

Result<> Watcher::change_service(const std::string& verb, Json body) {
  Change change{verb, project_path(options_.project_name, "/" + verb), std::move(body)};
  ProgressStyle style = progress_style(session_);
  style.mode = ProgressMode::Quiet;
  auto progress = make_progress(style, change.title);
  TRY_ASSIGN(ChangeResult result, follow_change(session_, change, *progress));
  if (!result.ok) return Error(result.error);
  return {};
}

Result<> Watcher::rebuild(const std::string& service) {
  report("Rebuilding service \"" + service + "\" after changes were detected...");
  TRY_ASSIGN(auto before, list_containers(session_, options_.project_name, ContainerFilter::All));
  Json options = options_.up_options;
  options["services"] = {service};
  options["build"] = true;
  options["no_deps"] = true;
  Change change{"up",
                project_path(options_.project_name, "/up"),
                {{"project", options_.project}, {"options", options}}};
  ProgressStyle style = progress_style(session_);
  style.mode = options_.quiet_build ? ProgressMode::Quiet : ProgressMode::Plain;
  style.quiet_build = options_.quiet_build;
  auto progress = make_progress(style, change.title);
  TRY_ASSIGN(ChangeResult result, follow_change(session_, change, *progress));
  if (!result.ok)
    return Error(result.error + (result.detail.empty() ? "" : "\n" + join(result.detail, "\n")));
  report("Service \"" + service + "\" is up to date");
  if (!options_.prune) return {};
  // The engine refuses to remove an image that has a name or is in use.
  std::set<std::string> images;
  for (const Container& container : of_services(std::move(before), {service}))
    images.insert(container.image_id);
  for (const std::string& id : images)
    if (!id.empty()) static_cast<void>(session_.call("DELETE", "/images/" + id).has_value());
  return {};
}

// Runs a sync+exec hook in every replica; shows its output on failure.
Result<> Watcher::run_hook(const std::string& service, const Json& hook) {
  std::vector<std::string> environment;
  for (const auto& [name, value] : member(hook, "environment").items())
    environment.push_back(value.is_string() ? name + "=" + value.get<std::string>() : name);
  Json body{{"AttachStdout", true},
            {"AttachStderr", true},
            {"Cmd", strings_of(member(hook, "command"))},
            {"Privileged", bool_or(hook, "privileged")},
            {"User", string_or(hook, "user")},
            {"WorkingDir", string_or(hook, "working_dir")},
            {"Env", environment}};
  std::string command = join(strings_of(member(hook, "command")), " ");
  TRY_ASSIGN(auto replicas, replicas_of(service));
  for (const std::string& id : replicas) {
    TRY_ASSIGN(Json created, session_.call("POST", "/containers/" + id + "/exec", body));
    std::string exec = string_or(created, "Id");
    TRY_ASSIGN(http::Client client, session_.connect());
    http::ClientRequest start;
    start.method = "POST";
    start.target = "/exec/" + exec + "/start";
    start.body = to_text(Json{{"Detach", false}, {"Tty", false}});
    TRY_ASSIGN(http::HijackedConnection connection, client.hijack(std::move(start)));
    std::string output;
    FrameReader frames;
    auto keep = [&output](int, std::string_view bytes) { output += bytes; };
    TRY(frames.feed(connection.buffered, keep));
    std::array<char, 4096> buffer{};
    for (ssize_t size = 0; (size = ::read(connection.socket.get(), buffer.data(), buffer.size())) > 0;)
      TRY(frames.feed({buffer.data(), static_cast<size_t>(size)}, keep));
    TRY_ASSIGN(Json state, session_.call("GET", "/exec/" + exec + "/json"));
    int64_t code = int_or(state, "ExitCode");
    if (code != 0)
      return Error("hook " + command + " exited with code " + std::to_string(code) +
                   (output.empty() ? "" : "\n" + std::string(trim(output))));
  }
  return {};
}

}  // namespace stack::cli
