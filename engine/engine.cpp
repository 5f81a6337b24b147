#include "engine/engine.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/build_info.h"
#include "base/children.h"
#include "base/files.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/api/api.h"
#include "engine/container/leftovers.h"
#include "engine/host/service_manager.h"
#include "engine/logs/log_total.h"
#include "engine/settings/docker_socket.h"
#include "http/server/server.h"
#include "http/wire/unix_socket.h"

namespace stack::engine {

namespace {

// Each follower of logs or events holds a connection.
constexpr size_t kConnectionLimit = 16 * 1024;

constexpr const char* kDockerSocket = "/run/docker.sock";
constexpr unsigned kLogInterval = 5;  // seconds
constexpr auto kReapDelay = std::chrono::milliseconds(1500);

// Blocks SIGCHLD, so that no system call of any thread is interrupted; call before starting threads.
Fd open_child_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

Result<> make_directories(const Paths& paths) {
  TRY(ensure_directory(paths.root, 0711).in("state directory"));
  for (const std::string& path :
       {paths.containers(), paths.root + "/networks", paths.root + "/projects", paths.cache()})
    TRY(ensure_directory(path, 0700).in("state directory"));
  TRY(ensure_directory(paths.run_root, 0755).in("run directory"));
  TRY(ensure_directory(paths.run_root + "/containers", 0700).in("run directory"));
  return {};
}

// When process 1 started, in clock ticks (field 22 of proc_pid_stat(5)).
std::string start_of_first_process() {
  constexpr size_t kFieldsAfterName = 20;
  std::string stat = read_file("/proc/1/stat").value_or("");
  size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return "";
  std::vector<std::string> fields = split(stat.substr(name_end + 1), ' ');
  return fields.size() > kFieldsAfterName ? fields[kFieldsAfterName] : "";
}

// A machine in namespaces (systemd-nspawn, LXC) boots again under the same kernel.
std::string read_boot_id() {
  Result<std::string> id = read_file("/proc/sys/kernel/random/boot_id");
  return id ? std::string(trim(*id)) + "/" + start_of_first_process() : "";
}

// Everything that is opened before serving requests.
struct Engine {
  asio::io_context io{1};
  Context context;
  NetworkService networks;
  std::unique_ptr<images::ImageStore> images;
  std::unique_ptr<volumes::VolumeStore> volumes;
  std::unique_ptr<ContainerParts> parts;
  std::unique_ptr<ContainerService> containers;
  std::unique_ptr<ExecService> execs;
  std::unique_ptr<HealthService> health;
  std::unique_ptr<RegistryService> registries;
  std::unique_ptr<BuildService> builds;
  std::unique_ptr<BuildkitService> buildkit;
  std::unique_ptr<ProjectService> projects;
  std::unique_ptr<VolumeService> volume_copies;
  std::unique_ptr<Services> services;
  http::Router router{kOldestApi, 99, kNewestApi};
  std::unique_ptr<http::Server> server;
  std::unique_ptr<TlsListener> tls;

  FolderWatch log_folders{io};

  Engine(Paths paths, Settings settings, Store store)
      : context(io, std::move(paths), std::move(settings), std::move(store)), networks(context) {}

  std::string socket;        // socket_identity() of the socket that clients find
  bool socket_ours = false;  // bound by us, not by systemd
  bool leaving = false;
  unsigned log_ticks = 0;
  Fd child_signals;  // SIGCHLD, signalfd(2)

  Result<> open();
  Result<> listen(std::vector<Fd> inherited);
  Result<> listen_on_tcp(EngineOptions& options);
  Task<> serve(EngineOptions& options, Result<>& outcome);
  // Checks once per second the socket, the disk reserve, and whether the engine is still needed.
  Task<> look_after(std::chrono::seconds idle_limit);
  void keep_socket();
  void publish_volume_changes();
  Task<> answer(http::Request& request, http::Response& response);
  Task<> scrub_store();
  // Keeps the log files of all containers within `log.max_total`.
  Task<> trim_logs();
  Task<> reap_inherited();
  void shut_down();
};

// Volumes change on the engine's thread and on others.
void Engine::publish_volume_changes() {
  using volumes::VolumeStore;
  volumes->on_change([this](VolumeStore::Change change, const volumes::Volume& volume) {
    asio::dispatch(context.io, [this, change, name = volume.name, driver = volume.driver] {
      std::string folder = context.paths.volumes() + "/" + name;
      for (const std::string& path : {folder + "/volume.json", folder, context.paths.volumes()})
        context.disk_sync.note(path);
      const char* action = change == VolumeStore::Change::Created ? "create" : "destroy";
      context.events.publish("volume", action, name, {{"driver", driver}});
    });
  });
}

// A complete response is sent after the changes that it confirms are on the disk. Streams do so themselves.
Task<> Engine::answer(http::Request& request, http::Response& response) {
  co_await router(request, response);
  bool reads = request.method == "GET" || request.method == "HEAD";
  if (!reads && !response.started()) co_await context.disk_sync.settle();
}

Result<> Engine::open() {
  context.boot_id = read_boot_id();
  TRY_ASSIGN(runtime::Cgroups cgroups, runtime::Cgroups::detect());
  // Must precede the image store, which removes the layers they write to.
  end_orphaned_steps(context.paths, cgroups);
  TRY_ASSIGN(images, images::ImageStore::open(context.paths.images()));
  for (const std::string& note : images->notes()) log_warning("image store: " + note);
  TRY_ASSIGN(volumes, volumes::VolumeStore::open(context.paths.volumes()));
  publish_volume_changes();
  TRY_ASSIGN(runtime::MonitorProgram program, runtime::MonitorProgram::open(context.paths.monitor_program));
  parts = std::unique_ptr<ContainerParts>(
      new ContainerParts{*images, *volumes, networks, std::move(cgroups), std::move(program)});
  containers = std::make_unique<ContainerService>(context, *parts);
  execs = std::make_unique<ExecService>(context, *containers);
  health = std::make_unique<HealthService>(context, *containers, *execs);
  containers->supervisor().on_started = [this](ContainerPtr container) {
    health->watch(std::move(container));
  };
  registries = std::make_unique<RegistryService>(context, *images);
  registries->open();
  builds = std::make_unique<BuildService>(context, *containers, networks, *registries);
  buildkit = std::make_unique<BuildkitService>(BuildkitParts{context, *images, *builds, *registries});
  TRY(builds->open());
  projects = std::make_unique<ProjectService>(
      ProjectParts{context, *containers, *execs, *health, networks, *builds, *registries});
  volume_copies = std::make_unique<VolumeService>(context, *containers);
  TRY(networks.load());
  TRY(projects->load());
  context.disk_sync.note(directory_name(context.paths.root));
  context.disk_sync.note(context.paths.root);
  services = std::unique_ptr<Services>(new Services{context, *containers, networks, *execs, *health,
                                                    *registries, *builds, *buildkit, *projects,
                                                    *volume_copies, log_folders, [this] { shut_down(); }});
  add_routes(router, *services);
  return {};
}

// Listens on the sockets passed by systemd, or on our own.
Result<> Engine::listen(std::vector<Fd> inherited) {
  socket_ours = inherited.empty();
  for (Fd& one : inherited) TRY(server->listen(std::move(one)));
  if (socket_ours) {
    TRY_ASSIGN(Fd own, http::listen_unix(context.paths.socket()));
    TRY(server->listen(std::move(own)));
  }
  socket = socket_identity(context.paths.socket());
  return {};
}

Result<> Engine::listen_on_tcp(EngineOptions& options) {
  TRY_ASSIGN(tls, TlsListener::open(io, options.tls, context.paths.socket()));
  log_info("serving on tcp://" + options.tls.address + " for clients with a certificate");
  options.idle_exit = std::chrono::seconds(-1);
  return {};
}

void Engine::shut_down() {
  tls.reset();
  containers->recovery().leave();
  if (server) server->stop_accepting();
  // systemd may have replaced it since.
  if (socket_ours && socket == socket_identity(context.paths.socket()))
    ::unlink(context.paths.socket().c_str());
  ::unlink(context.paths.root_link().c_str());
  leaving = true;
  asio::post(io, [this] { io.stop(); });
}

// Recreates the socket if the run root is removed, for example by a cleaner of temporary files. Otherwise the engine
// could be neither reached nor replaced.
void Engine::keep_socket() {
  // If another process (systemd) listens now, this engine will be replaced soon.
  if (leaving || path_exists(context.paths.socket())) return;
  log_warning(context.paths.socket() + " was removed; creating it again");
  Result<> made = make_directories(context.paths);
  if (made) made = listen({});
  if (!made) log_error(made.error().text());
}

// Overwrites removed records in the state file's log when it is idle.
Task<> Engine::scrub_store() {
  if (!context.store.needs_scrub()) co_return;
  auto scrub = [folder = context.paths.root] { return Store::scrub(folder); };
  Result<> done = co_await offload(context.pool, scrub);
  if (done) {
    context.store.scrubbed();
  } else {
    log_debug(done.error().text());
  }
}

Task<> Engine::trim_logs() {
  if (!context.settings.log_total || ++log_ticks % kLogInterval != 1) co_return;
  auto trim = [folder = context.paths.containers(), limit = context.settings.log_total->bytes] {
    return logs::trim_logs(folder, limit);
  };
  size_t removed = co_await offload(context.pool, trim);
  if (removed > 0)
    log_info("removed " + std::to_string(removed) + " old log files, because of log.max_total");
}

Task<> Engine::look_after(std::chrono::seconds limit) {
  auto last_busy = std::chrono::steady_clock::now();
  for (;;) {
    co_await sleep_for(io, std::chrono::seconds(1));
    keep_socket();
    context.store.reserve().refill();
    co_await scrub_store();
    co_await trim_logs();
    http::ServerActivity activity = server->activity();
    auto now = std::chrono::steady_clock::now();
    if (containers->recovery().any_alive() || activity.requests > 0) last_busy = now;
    if (limit.count() < 0 || now - std::max(last_busy, activity.last) < limit) continue;
    // Docker's clients cannot start an engine. With systemd, its socket does.
    if (socket_ours && is_docker_socket(kDockerSocket, context.paths.socket())) continue;
    log_info("idle: no containers and no clients");
    shut_down();
    co_return;
  }
}

// Reaps containers and exec sessions that became our children when their monitor was killed. Waits a moment, because
// their new monitor first reads the exit status of the zombie.
Task<> Engine::reap_inherited() {
  asio::posix::stream_descriptor ended(io, child_signals.release());
  for (;;) {
    asio::error_code code;
    signalfd_siginfo info{};
    co_await ended.async_read_some(asio::buffer(&info, sizeof info),
                                   asio::redirect_error(asio::use_awaitable, code));
    if (code) co_return;
    co_await sleep_for(io, kReapDelay);
    (void)reap_inherited_children();
  }
}

Task<> Engine::serve(EngineOptions& options, Result<>& outcome) {
  Result<std::vector<ContainerPtr>> stopped = co_await containers->recovery().recover();
  if (!stopped) {
    outcome = std::move(stopped).error();
    io.stop();
    co_return;
  }
  execs->recover();
  co_await builds->clear_leftovers();
  std::vector<std::string> swept = co_await networks.sweep(true);
  for (const std::string& what : swept) log_info("removed leftover " + what);
  http::ServerOptions server_options;
  server_options.headers = {
      {"Api-Version", kApiVersion}, {"Ostype", "linux"},
      {"Builder-Version", "1"},     {"Docker-Experimental", "false"},
      {"Swarm", "inactive"},        {"Server", "stack/" + std::string(build_info().version) + " (linux)"}};
  server_options.on_bug = [](const std::string& what) { log_error("bug: " + what); };
  server_options.on_accept_failure = [](const std::string& reason) {
    log_error("cannot accept clients: " + reason);
  };
  server_options.connection_limit = kConnectionLimit;
  server = std::make_unique<http::Server>(
      io, [this](http::Request& q, http::Response& r) { return answer(q, r); }, std::move(server_options));
  outcome = listen(std::move(options.inherited));
  if (outcome && !options.tls.address.empty()) outcome = listen_on_tcp(options);
  if (!outcome) {
    io.stop();
    co_return;
  }
  if (options.ready) {
    (void)write_all(options.ready.get(), "1");
    options.ready.reset();
  }
  if (Result<> told = notify_service_manager("READY=1"); !told) log_warning(told.error().text());
  if (context.settings.docker_socket)
    if (Result<> linked = link_docker_socket(kDockerSocket, context.paths.socket()); !linked)
      log_warning("docker_socket: " + linked.error().text());
  log_info("serving on " + context.paths.socket());
  projects->resume();
  projects->start_by_policy(std::move(*stopped));
  volume_copies->resume();
  start(io, look_after(options.idle_exit));
  start(io, reap_inherited());
}

}  // namespace

namespace {

// Locks the state root. A stopping engine may hold the lock a little longer. nullopt: another engine already serves, or
// systemd holds the socket and starts one.
Result<std::optional<FileLock>> acquire_lock(const Paths& paths, bool holds_socket) {
  std::string path = paths.root + "/engine.lock";
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  bool asked = false;
  for (;;) {
    // Must precede the lock: if systemd listens, connecting makes it start the engine, and our own socket would hide
    // systemd's.
    if (!holds_socket && http::connect_unix(paths.socket())) return std::optional<FileLock>();
    TRY_ASSIGN(std::optional<FileLock> lock, FileLock::try_acquire(path));
    if (lock) return lock;
    // An engine started without systemd no longer has the socket that clients find.
    if (holds_socket && !asked) TRY(replace_holder(path));
    asked = true;
    if (std::chrono::steady_clock::now() > deadline)
      return conflict("another engine holds " + paths.root + " but does not answer");
    ::usleep(20'000);
  }
}

}  // namespace

namespace {

// A bug in one handler must not end the engine.
void run_to_the_end(asio::io_context& io) {
  for (;;) {
    try {
      io.run();
      return;
    } catch (...) {
      log_exception("event loop", std::current_exception());
    }
  }
}

}  // namespace

Result<> run_engine(EngineOptions options) {
  TRY(make_directories(options.paths));
  TRY_ASSIGN(options.inherited, http::inherited_listeners());
  TRY_ASSIGN(std::optional<FileLock> lock, acquire_lock(options.paths, !options.inherited.empty()));
  if (!lock) {
    // Two engines were started concurrently; the other one serves all clients.
    log_info("another engine serves " + options.paths.root + " already");
    if (options.ready) (void)write_all(options.ready.get(), "1");
    return {};
  }
  TRY_ASSIGN(Store store, Store::open(options.paths.root));
  ::unlink(options.paths.root_link().c_str());
  if (::symlink(options.paths.root.c_str(), options.paths.root_link().c_str()) != 0)
    return Error::last_errno(options.paths.root_link());
  Fd child_signals = open_child_signals();
  Engine engine(options.paths, std::move(options.settings), std::move(store));
  engine.child_signals = std::move(child_signals);
  TRY(engine.open());
  asio::signal_set signals(engine.io, SIGTERM, SIGINT);
  signals.async_wait([&](asio::error_code code, int) {
    if (!code) engine.shut_down();
  });
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGHUP, SIG_IGN);
  Result<> outcome;
  start(engine.io, engine.serve(options, outcome));
  run_to_the_end(engine.io);
  if (outcome) log_info("exiting; containers keep running");
  // Exits without destructors, because threads may still be in a build; the next start sweeps their staged files.
  TRY(std::move(outcome));
  engine.networks.leave();
  (void)engine.images->sync();
  ::_exit(0);
}

}  // namespace stack::engine
