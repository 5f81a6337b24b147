// RUN.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/files.h"
#include "base/identity.h"
#include "base/json.h"
#include "base/text.h"
#include "images/builder/solver/stage.h"
#include "images/builder/worker/agent_proxy.h"
#include "images/builder/worker/foreign_platform.h"

namespace stack::builder {

namespace {

constexpr const char* kStepPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr const char* kBundle = "/run/stack/ca-certificates.crt";
constexpr const char* kAptConf = "/run/stack/apt.conf";
constexpr const char* kWgetrc = "/run/stack/wgetrc";
constexpr size_t kTailLines = 25;
constexpr size_t kTailBytes = 16 * 1024;

// Programs look for a CA bundle under many names.
constexpr const char* kBundleVariables[] = {"SSL_CERT_FILE",        "CURL_CA_BUNDLE",
                                            "REQUESTS_CA_BUNDLE",   "PIP_CERT",
                                            "NODE_EXTRA_CA_CERTS",  "GIT_SSL_CAINFO",
                                            "CARGO_HTTP_CAINFO",    "AWS_CA_BUNDLE",
                                            "HTTPLIB2_CA_CERTS",    "NIX_SSL_CERT_FILE",
                                            "PERL_LWP_SSL_CA_FILE", "DENO_CERT",
                                            "BUNDLE_SSL_CA_CERT",   "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"};

// The runtime mounts these in every step: a mount point that the image does not have must be removed.
const std::vector<std::string> kUsualMountPoints = {
    "/proc", "/sys", "/dev", "/etc/resolv.conf", "/etc/hosts", "/etc/hostname", "/run/stack"};

Result<> make_file(const std::string& path, std::string_view content, mode_t mode, uid_t uid, gid_t gid) {
  TRY(write_file(path, content, 0600));
  if (::chown(path.c_str(), uid, gid) != 0) return Error::last_errno("chown " + path);
  if (::chmod(path.c_str(), mode) != 0) return Error::last_errno("chmod " + path);
  return {};
}

std::string real_path(const std::string& path) {
  char* real = ::realpath(path.c_str(), nullptr);
  if (real == nullptr) return path;
  std::string out(real);
  ::free(real);
  return out;
}

// The end of a step's output, for the error.
class OutputTail {
 public:
  void add(std::string_view bytes) {
    text_ += bytes;
    if (text_.size() > 2 * kTailBytes) text_.erase(0, text_.size() - kTailBytes);
  }
  std::string lines() const {
    std::vector<std::string> all = split(trim(text_), '\n');
    size_t first = all.size() > kTailLines ? all.size() - kTailLines : 0;
    std::string out;
    for (size_t i = first; i < all.size(); ++i) out += "\n  " + all[i];
    return trim(out).empty() ? "" : out;
  }

 private:
  std::string text_;
};

std::string user_home(const images::LayerView& view, const std::string& user) {
  std::string name = user.substr(0, user.find(':'));
  if (name.empty()) name = "0";
  Result<std::optional<std::string>> text = view.read_file("etc/passwd");
  if (text && *text) {
    for (const std::string& line : split(**text, '\n')) {
      std::vector<std::string> fields = split(line, ':');
      if (fields.size() >= 6 && (fields[0] == name || fields[2] == name) && !fields[5].empty())
        return fields[5];
    }
  }
  return name == "0" || name == "root" ? "/root" : "/";
}

}  // namespace

struct StageBuilder::RunParts {
  size_t ssh_mounts = 0;
  std::vector<std::string> args;
  std::string history;
  RunNetwork network = RunNetwork::Default;
  bool insecure = false;
  std::vector<MountOptions> mounts;
  std::vector<std::string> key_env;  // affects the result: the image's variables and ARGs

  // Created only if the step really runs.
  std::string scratch;
  std::vector<RunBind> binds;
  std::vector<RunTmpfs> tmpfs;
  std::vector<std::string> extra_env;  // of secrets
  std::vector<std::unique_ptr<BuildCache::KeyLock>> cache_locks;
  std::vector<std::unique_ptr<BuildCache::MountUse>> cache_uses;
  std::map<std::string, std::string> private_ids;  // of sharing=private mounts, by their own ids
  std::vector<std::unique_ptr<AgentProxy>> agents;
  std::optional<TemporaryDirectory> secrets;
  // A script heredoc: its content, as a file to execute.
  std::string script;
};

namespace {

constexpr int kMostPrivateCaches = 64;

std::string cache_id(const MountOptions& mount) { return mount.id.empty() ? mount.target : mount.id; }

Result<RunNetwork> network_mode(const std::string& text, RunNetwork fallback) {
  if (text.empty()) return fallback;
  if (text == "default") return RunNetwork::Default;
  if (text == "none") return RunNetwork::None;
  if (text == "host") return RunNetwork::Host;
  return invalid("unsupported network mode \"" + text + "\": must be default, none, or host");
}

// The command of a shell form with heredocs: a lone heredoc is a script, otherwise the shell reads the whole text.
std::string heredoc_command(const Instruction& instruction, bool& only_heredoc) {
  std::string command = instruction.words.empty() ? "" : instruction.words.front();
  const Heredoc& first = instruction.heredocs.front();
  std::string_view rest = trim(command);
  only_heredoc = instruction.heredocs.size() == 1 && rest.starts_with("<<") &&
                 first.file_descriptor.empty() && rest.find_first_of(" \t;&|>()") == std::string_view::npos;
  if (only_heredoc) return first.content;
  for (const Heredoc& heredoc : instruction.heredocs) command += "\n" + heredoc.content + heredoc.name;
  return command;
}

}  // namespace

Result<> StageBuilder::prepare_run(const Instruction& instruction, RunParts& parts) {
  TRY_ASSIGN(Flags flags, Flags::parse(instruction, known_flags("run")));
  TRY_ASSIGN(parts.network, network_mode(flags.value("network"), job_.request.network));
  bool host_allowed = job_.request.allow_host_network || job_.request.network == RunNetwork::Host;
  if (parts.network == RunNetwork::Host && !host_allowed)
    return invalid("RUN --network=host requires the entitlement network.host");
  std::string security = flags.value("security");
  if (!security.empty() && security != "sandbox" && security != "insecure")
    return invalid("security \"" + security + "\" is not valid: must be sandbox or insecure");
  parts.insecure = security == "insecure";
  if (parts.insecure && !job_.request.allow_insecure)
    return invalid("RUN --security=insecure requires the entitlement security.insecure");
  if (flags.find("device")) return unsupported("RUN --device is not supported");
  for (const std::string& mount : flags.all("mount")) {
    TRY_ASSIGN(std::string expanded, expander().word(mount));
    TRY_ASSIGN(MountOptions options, parse_mount(expanded).in("--mount"));
    parts.mounts.push_back(std::move(options));
  }
  if (instruction.json) {
    parts.args = instruction.words;
  } else {
    parts.args = shell();
    bool only_heredoc = false;
    std::string command =
        instruction.heredocs.empty() ? instruction.words.front() : heredoc_command(instruction, only_heredoc);
    if (only_heredoc && command.starts_with("#!")) {
      parts.script = command;
      parts.args = {"/run/stack/" + instruction.heredocs.front().name};
    } else {
      parts.args.push_back(std::move(command));
    }
  }
  std::vector<std::string> arguments = arguments_in_scope();
  parts.history = "RUN " +
                  std::string(arguments.empty() ? ""
                                                : "|" + std::to_string(arguments.size()) + " " +
                                                      join(arguments, " ") + " ") +
                  join(parts.args, " ");
  parts.key_env = config().env;
  parts.key_env.insert(parts.key_env.end(), arguments.begin(), arguments.end());
  return {};
}

Result<> StageBuilder::run(const Instruction& instruction) {
  RunParts parts;
  TRY(prepare_run(instruction, parts));
  if (parts.network != RunNetwork::None) job_.uses_network = true;
  if (job_.request.check_only) return {};
  KeyBuilder key("run");
  key.add(state_->chain).add(parts.args).add(parts.script).add(parts.key_env);
  key.add(config().user).add(config().working_dir).add(std::to_string(static_cast<int>(parts.network)));
  key.add(parts.insecure ? "insecure" : "");
  if (!(state_->platform == images::host_platform())) key.add(images::platform_text(state_->platform));
  for (const std::string& host : job_.request.extra_hosts) key.add(host.substr(0, host.find_first_of(":=")));
  for (const MountOptions& mount : parts.mounts) {
    key.add(std::to_string(static_cast<int>(mount.type))).add(mount.target).add(mount.source).add(mount.env);
    if (mount.type != MountType::Bind) continue;
    OpenedSource opened;
    TRY(open_source(mount.from, opened));
    CopyPlan plan;
    TRY(plan_source(opened.source, mount.source.empty() ? "/" : mount.source, {}, plan).in("--mount"));
    TRY_ASSIGN(std::string digest, digest_plan(plan));
    key.add(digest);
  }
  return layer_step(instruction, key.hex(), parts.history,
                    [&](images::StagedLayer& staged, int step) -> Result<> {
                      TRY(check_executable(state_->platform));
                      parts.scratch = staged.scratch_directory();
                      TRY(lock_caches(parts));
                      TRY(prepare_trust(parts));
                      for (const MountOptions& mount : parts.mounts)
                        TRY(prepare_mount(mount, parts).in("--mount"));
                      return run_process(parts, staged, step);
                    });
}

// --- mounts ---

Result<> StageBuilder::prepare_trust(RunParts& parts) {
  std::string apt = job_.request.apt_configuration;
  std::string bundle = job_.request.extra_ca_bundle;
  if (!bundle.empty()) {
    if (::access(bundle.c_str(), R_OK) != 0) return Error::last_errno("CA bundle " + bundle);
    parts.binds.push_back({real_path(bundle), kBundle, true});
    apt += std::string("Acquire::https::CAInfo \"") + kBundle + "\";\n";
    TRY(make_file(parts.scratch + "/wgetrc", std::string("ca_certificate = ") + kBundle + "\n", 0644, 0, 0));
    parts.binds.push_back({parts.scratch + "/wgetrc", kWgetrc, true});
  }
  if (!apt.empty()) {
    TRY(make_file(parts.scratch + "/apt.conf", apt, 0644, 0, 0));
    parts.binds.push_back({parts.scratch + "/apt.conf", kAptConf, true});
  }
  if (!parts.script.empty()) {
    TRY(make_file(parts.scratch + "/script", parts.script, 0755, 0, 0));
    parts.binds.push_back({parts.scratch + "/script", parts.args.front(), true});
  }
  return {};
}

Result<> StageBuilder::prepare_mount(const MountOptions& given, RunParts& parts) {
  MountOptions mount = given;
  if (!mount.target.empty())
    mount.target = absolute_path(config().working_dir.empty() ? "/" : config().working_dir, mount.target);
  if (mount.target == "/") return invalid("invalid mount target \"/\"");
  switch (mount.type) {
    case MountType::Bind:
      return bind_mount(mount, parts);
    case MountType::Cache:
      return cache_mount(mount, parts);
    case MountType::Secret:
      return secret_mount(mount, parts);
    case MountType::Tmpfs:
      parts.tmpfs.push_back({mount.target, ByteSize{mount.size}});
      return {};
    case MountType::Ssh:
      return ssh_mount(mount, parts);
  }
  return {};
}

// The content is copied, so that .dockerignore applies and the step's writes are discarded.
Result<> StageBuilder::bind_mount(const MountOptions& mount, RunParts& parts) {
  OpenedSource opened;
  TRY(open_source(mount.from, opened));
  std::string name = mount.source.empty() ? "/" : mount.source;
  TRY_ASSIGN(std::optional<images::ViewEntry> entry, opened.view->find(name, true));
  bool as_it_is = entry && mount.from.empty() && mount.read_only && job_.ignore.empty();
  if (as_it_is) {
    std::string path = job_.context_directory + (entry->path.empty() ? "" : "/" + entry->path);
    parts.binds.push_back({real_path(path), mount.target, true});
    return {};
  }
  CopyPlan plan;
  TRY(plan_source(opened.source, name, {}, plan));
  std::string top = parts.scratch + "/bind-" + std::to_string(parts.binds.size());
  TRY(ensure_directory(top));
  TRY_ASSIGN(images::LayerView nothing, images::LayerView::open({}));
  CopyTarget target;
  target.base = &nothing;
  target.layer = top;
  target.destination = "/content";
  TRY(write_plan(plan, target));
  parts.binds.push_back({real_path(top + "/content"), mount.target, mount.read_only});
  return {};
}

// Locks all caches in the order of their names, so that two steps cannot wait for each other.
Result<> StageBuilder::lock_caches(RunParts& parts) {
  std::set<std::string> ids;
  for (const MountOptions& mount : parts.mounts)
    if (mount.type == MountType::Cache && mount.sharing == "locked") ids.insert(cache_id(mount));
  for (const std::string& id : ids) {
    parts.cache_locks.push_back(
        std::make_unique<BuildCache::KeyLock>(job_.cache, "mount " + id, job_.stop.get_token()));
    if (!parts.cache_locks.back()->held()) return Error(ErrorKind::Canceled, "build was canceled");
  }
  for (const MountOptions& mount : parts.mounts)
    if (mount.type == MountType::Cache && mount.sharing == "private")
      lock_private_cache(cache_id(mount), parts);
  return {};
}

// Locks the first cache with this id that no other step uses: each writer has its own.
void StageBuilder::lock_private_cache(const std::string& id, RunParts& parts) {
  if (parts.private_ids.contains(id)) return;
  for (int number = 0; number < kMostPrivateCaches; ++number) {
    std::string own = number == 0 ? id : id + "\nprivate " + std::to_string(number);
    auto lock = std::make_unique<BuildCache::KeyLock>(job_.cache, "mount " + own);
    if (!lock->held()) continue;
    parts.cache_locks.push_back(std::move(lock));
    parts.private_ids[id] = own;
    return;
  }
}

Result<> StageBuilder::cache_mount(const MountOptions& mount, RunParts& parts) {
  std::string id = cache_id(mount);
  if (auto own = parts.private_ids.find(id); own != parts.private_ids.end()) id = own->second;
  std::string directory = job_.cache.mount_directory(id);
  parts.cache_uses.push_back(std::make_unique<BuildCache::MountUse>(job_.cache, id));
  if (!path_exists(directory)) {
    std::string fresh = parts.scratch + "/cache-" + std::to_string(parts.binds.size());
    TRY(ensure_directory(fresh));
    if (!mount.from.empty()) {
      OpenedSource opened;
      TRY(open_source(mount.from, opened));
      CopyPlan plan;
      TRY(plan_source(opened.source, mount.source.empty() ? "/" : mount.source, {}, plan));
      TRY_ASSIGN(images::LayerView nothing, images::LayerView::open({}));
      CopyTarget target;
      target.base = &nothing;
      target.layer = fresh;
      target.destination = "/";
      target.destination_is_directory = true;
      TRY(write_plan(plan, target));
    }
    if (::chown(fresh.c_str(), mount.uid, mount.gid) != 0) return Error::last_errno("chown cache mount");
    if (::chmod(fresh.c_str(), mount.mode.value_or(0755)) != 0) return Error::last_errno("chmod cache mount");
    if (::rename(fresh.c_str(), directory.c_str()) != 0 && errno != EEXIST && errno != ENOTEMPTY)
      return Error::last_errno("create cache mount");
  }
  parts.binds.push_back({real_path(directory), mount.target, mount.read_only});
  return {};
}

Result<> StageBuilder::ensure_secret_directory(RunParts& parts) {
  if (parts.secrets) return {};
  TRY(ensure_directory(job_.options.secret_directory, 0700));
  TRY_ASSIGN(parts.secrets, TemporaryDirectory::create(job_.options.secret_directory + "/secrets-"));
  return {};
}

Result<> StageBuilder::secret_mount(const MountOptions& mount, RunParts& parts) {
  std::string id =
      !mount.id.empty() ? mount.id : base_name(mount.target.empty() ? mount.source : mount.target);
  auto found = std::find_if(job_.request.secrets.begin(), job_.request.secrets.end(),
                            [&](const BuildSecret& secret) { return secret.id == id; });
  if (found == job_.request.secrets.end()) {
    if (mount.required) return not_found("secret " + id + " is required but was not provided");
    return {};
  }
  std::string content;
  if (found->value) {
    content = *found->value;
  } else {
    TRY_ASSIGN(content, read_file(found->file).in("secret " + id));
  }
  if (!mount.env.empty()) parts.extra_env.push_back(mount.env + "=" + content);
  if (!mount.env.empty() && mount.target.empty()) return {};
  TRY(ensure_secret_directory(parts));
  std::string path = parts.secrets->path() + "/" + std::to_string(parts.binds.size());
  uint32_t mode = mount.mode.value_or(found->mode.value_or(0400));
  TRY(make_file(path, content, mode, mount.uid != 0 ? mount.uid : found->uid,
                mount.gid != 0 ? mount.gid : found->gid));
  parts.binds.push_back({real_path(path), mount.target.empty() ? "/run/secrets/" + id : mount.target, true});
  return {};
}

// The agent's own socket; SSH_AUTH_SOCK names it, as in BuildKit.
Result<> StageBuilder::ssh_mount(const MountOptions& mount, RunParts& parts) {
  std::string id = mount.id.empty() ? "default" : mount.id;
  auto found = std::find_if(job_.request.ssh.begin(), job_.request.ssh.end(),
                            [&](const BuildSsh& agent) { return agent.id == id; });
  if (found == job_.request.ssh.end()) {
    if (mount.required) return not_found("SSH agent " + id + " is required but was not provided");
    return {};
  }
  size_t number = parts.ssh_mounts++;
  std::string target =
      mount.target.empty() ? "/run/buildkit/ssh_agent." + std::to_string(number) : mount.target;
  std::string socket = found->socket;
  if (mount.uid != 0 || mount.gid != 0 || mount.mode) {
    TRY(ensure_secret_directory(parts));
    std::string own = parts.secrets->path() + "/agent-" + std::to_string(number);
    TRY_ASSIGN(std::unique_ptr<AgentProxy> proxy,
               AgentProxy::start(own, socket, mount.mode.value_or(0600), mount.uid, mount.gid));
    parts.agents.push_back(std::move(proxy));
    socket = own;
  }
  parts.binds.push_back({real_path(socket), target, true});
  if (number == 0) parts.extra_env.push_back("SSH_AUTH_SOCK=" + target);
  return {};
}

// --- the process ---

// The proxies of RUN steps, in both cases, since programs read one or the other: arguments in scope come before those of the
// request, and these before the caller's environment.
std::map<std::string, std::string> StageBuilder::proxies() const {
  std::map<std::string, std::string> out;
  auto complete = [&out] {
    for (const auto& [name, value] : std::map(out)) {
      out.emplace(lower(name), value);
      out.emplace(upper(name), value);
    }
  };
  for (const auto* arguments : {&args_, &job_.request.args})
    for (const auto& [name, value] : *arguments)
      if (value && is_proxy_variable(name)) out.emplace(name, *value);
  complete();
  out.insert(job_.request.proxy_environment.begin(), job_.request.proxy_environment.end());
  complete();
  return out;
}

std::vector<std::string> StageBuilder::run_environment(const RunParts& parts) const {
  std::vector<std::string> env = parts.key_env;
  auto add = [&env](const std::string& name, const std::string& value) {
    for (const std::string& entry : env)
      if (entry.starts_with(name + "=")) return;
    env.push_back(name + "=" + value);
  };
  for (const std::string& entry : parts.extra_env) env.push_back(entry);
  for (const auto& [name, value] : proxies()) add(name, value);
  add("PATH", kStepPath);
  add("HOME", user_home(*view_, config().user));
  bool has_bundle = !job_.request.extra_ca_bundle.empty();
  if (has_bundle)
    for (const char* name : kBundleVariables) add(name, kBundle);
  if (has_bundle) add("SYSTEM_WGETRC", kWgetrc);
  if (has_bundle || !job_.request.apt_configuration.empty()) add("APT_CONFIG", kAptConf);
  return env;
}

Result<> StageBuilder::run_process(RunParts& parts, images::StagedLayer& staged, int step) {
  TRY_ASSIGN(const images::LayerView* base, view());
  RunStep run;
  run.lower_dirs = state_->layer_dirs();
  if (run.lower_dirs.empty()) {
    std::string nothing = parts.scratch + "/empty";
    TRY(ensure_directory(nothing));
    run.lower_dirs = {nothing};
  } else {
    // The merged root takes its attributes from the upper directory.
    struct stat info{};
    if (::stat(run.lower_dirs.front().c_str(), &info) != 0)
      return Error::last_errno("stat " + run.lower_dirs.front());
    if (::chown(staged.directory().c_str(), info.st_uid, info.st_gid) != 0 ||
        ::chmod(staged.directory().c_str(), info.st_mode & 07777) != 0)
      return Error::last_errno("set up layer");
  }
  run.upper_dir = staged.directory();
  run.work_dir = staged.work_directory();
  run.args = parts.args;
  run.env = run_environment(parts);
  run.cwd = config().working_dir.empty() ? "/" : config().working_dir;
  run.user = config().user;
  run.network = parts.network;
  if (parts.network == RunNetwork::Default) run.network_name = job_.request.network_name;
  run.binds = parts.binds;
  run.tmpfs = parts.tmpfs;
  run.hostname = "buildkitsandbox";
  run.shm_size = job_.request.shm_size;
  run.extra_hosts = job_.request.extra_hosts;
  run.ulimits = job_.request.ulimits;
  run.insecure = parts.insecure;
  OutputTail tail;
  Result<int> code = job_.driver.run(
      run,
      [&](std::string_view bytes, bool is_stderr) {
        tail.add(bytes);
        BuildEvent event;
        event.kind = BuildEventKind::StepOutput;
        event.stage = plan_.name;
        event.step = step;
        event.number = number_;
        event.total = total_;
        event.text = std::string(bytes);
        event.is_stderr = is_stderr;
        job_.emit(std::move(event));
      },
      job_.stop.get_token());
  std::string shown = "process \"" + join(parts.args, " ") + "\"";
  if (!code) return std::move(code).error().in(shown);
  if (*code != 0)
    return Error(shown + " did not complete successfully: exit code: " + std::to_string(*code) +
                 tail.lines());
  std::vector<std::string> targets = kUsualMountPoints;
  for (const RunBind& bind : run.binds) targets.push_back(bind.target);
  for (const RunTmpfs& mount : run.tmpfs) targets.push_back(mount.target);
  return remove_mount_points(*base, run.upper_dir, targets);
}

}  // namespace stack::builder
