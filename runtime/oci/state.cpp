#include "runtime/oci/state.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/directory.h"
#include "base/files.h"
#include "base/process.h"
#include "base/text.h"
#include "runtime/cgroup/cgroups.h"

namespace stack::runtime::oci {

namespace {

Error missing(const std::string& id) { return not_found("container \"" + id + "\" does not exist"); }

// Readers see either the old file or the new one.
Result<> replace_file(int directory, const char* name, std::string_view contents) {
  std::string temporary = std::string(name) + ".new";
  Fd fd(::openat(directory, temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return Error::last_errno(temporary);
  TRY(write_all(fd.get(), contents).in(temporary));
  if (::renameat(directory, temporary.c_str(), directory, name) != 0) return Error::last_errno(name);
  return {};
}

Result<std::string> read_at(int directory, const char* name) {
  Fd fd(::openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return Error::last_errno(name);
  return read_all(fd.get()).in(name);
}

}  // namespace

Json state_to_json(const OciState& state) {
  return Json{{"ociVersion", state.oci_version}, {"id", state.id},
              {"bundle", state.bundle},          {"rootfs", state.rootfs},
              {"created", state.created},        {"owner", state.owner},
              {"cgroupPath", state.cgroup_path}, {"createdCgroup", state.created_cgroup},
              {"systemdScope", state.scope},     {"rootfsMount", state.rootfs_mount},
              {"creating", state.creating},      {"pid", state.pid},
              {"startTime", state.start_time},   {"annotations", state.annotations}};
}

Result<OciState> state_from_json(const Json& json) {
  OciState out;
  out.oci_version = string_or(json, "ociVersion");
  out.id = string_or(json, "id");
  out.bundle = string_or(json, "bundle");
  out.rootfs = string_or(json, "rootfs");
  out.created = string_or(json, "created");
  out.owner = string_or(json, "owner");
  out.cgroup_path = string_or(json, "cgroupPath");
  out.created_cgroup = bool_or(json, "createdCgroup");
  out.scope = string_or(json, "systemdScope");
  out.rootfs_mount = static_cast<uint64_t>(int_or(json, "rootfsMount"));
  out.creating = bool_or(json, "creating");
  out.pid = static_cast<pid_t>(int_or(json, "pid", -1));
  out.start_time = static_cast<uint64_t>(int_or(json, "startTime"));
  out.annotations = json.is_object() ? json.value("annotations", Json::object()) : Json::object();
  if (out.id.empty() || out.pid <= 0) return invalid("state.json is damaged");
  return out;
}

Result<StateDirectory> StateDirectory::claim(const std::string& root, const std::string& id) {
  TRY(check_container_id(id));
  std::string path = root + "/" + id;
  int made = ::mkdir(path.c_str(), 0700);
  if (made != 0 && errno == ENOENT) {
    TRY(ensure_directory(root, 0700));
    made = ::mkdir(path.c_str(), 0700);
  }
  if (made != 0 && errno == EEXIST) return conflict("container \"" + id + "\" exists already");
  if (made != 0) return Error::last_errno("create " + path);
  TRY_ASSIGN(Fd fd, open_file(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  StateDirectory out(std::move(path), id, std::move(fd));
  TRY(out.take_lock());
  return out;
}

Result<StateDirectory> StateDirectory::open(const std::string& root, const std::string& id) {
  TRY(check_container_id(id));
  std::string path = root + "/" + id;
  Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd && errno == ENOENT) return missing(id);
  if (!fd) return Error::last_errno("open " + path);
  return StateDirectory(std::move(path), id, std::move(fd));
}

StateDirectory::~StateDirectory() { unlock(); }

Result<> StateDirectory::take_lock() {
  while (::flock(directory_.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return Error::last_errno("lock " + path_);
  }
  locked_ = true;
  return {};
}

Result<> StateDirectory::lock() {
  TRY(take_lock());
  struct stat held{}, named{};
  if (::fstat(directory_.get(), &held) != 0 || ::stat(path_.c_str(), &named) != 0 ||
      held.st_ino != named.st_ino)
    return missing(id_);
  return {};
}

bool StateDirectory::busy() const {
  if (locked_) return false;
  if (::flock(directory_.get(), LOCK_SH | LOCK_NB) != 0) return true;
  (void)::flock(directory_.get(), LOCK_UN);
  return false;
}

void StateDirectory::unlock() {
  // Unlocks explicitly, because a child that holds a copy of the descriptor must not keep the lock.
  if (locked_ && directory_) (void)::flock(directory_.get(), LOCK_UN);
  locked_ = false;
}

Result<std::optional<OciState>> StateDirectory::load() const {
  Result<std::string> text = read_at(fd(), "state.json");
  if (!text && text.error().kind() == ErrorKind::NotFound) return std::optional<OciState>();
  if (!text) return std::move(text).error();
  TRY_ASSIGN(Json json, parse_json(*text).in("state.json"));
  TRY_ASSIGN(OciState state, state_from_json(json));
  return std::optional<OciState>(std::move(state));
}

Result<> StateDirectory::save(const OciState& state) const {
  return replace_file(fd(), "state.json", to_text(state_to_json(state)));
}

Result<std::string> StateDirectory::config_text() const { return read_at(fd(), "config.json"); }

Result<> StateDirectory::save_config(std::string_view text) const {
  Fd file(::openat(fd(), "config.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) return Error::last_errno("config.json");
  return write_all(file.get(), text);
}

Result<> StateDirectory::remove() {
  for (const char* name : {"config.json", "state.json"}) (void)::unlinkat(fd(), name, 0);
  // A process that waits for the lock gets it when the descriptor closes, and finds the directory removed.
  locked_ = false;
  if (::rmdir(path_.c_str()) == 0 || errno == ENOENT) return {};
  return remove_tree(path_);
}

Result<FoundContainer> find_container(const std::string& root, const std::string& id, bool locked) {
  TRY_ASSIGN(StateDirectory directory, StateDirectory::open(root, id));
  if (locked) TRY(directory.lock());
  TRY_ASSIGN(std::optional<OciState> state, directory.load().in("container " + id));
  if (state) {
    Status status = find_status(directory, *state);
    return FoundContainer{std::move(directory), std::move(*state), status};
  }
  OciState nothing;
  nothing.id = id;
  Status status = directory.busy() ? Status::Creating : Status::Stopped;
  return FoundContainer{std::move(directory), std::move(nothing), status};
}

Status find_status(const StateDirectory& directory, const OciState& state) {
  std::optional<uint64_t> start = process_start_time(state.pid);
  if (!start || *start != state.start_time) return Status::Stopped;
  if (state.creating) return Status::Creating;
  if (::faccessat(directory.fd(), kStartSocket, F_OK, AT_SYMLINK_NOFOLLOW) == 0) return Status::Created;
  if (state.cgroup_path.empty()) return Status::Running;
  Result<Cgroups> cgroups = Cgroups::detect();
  return cgroups && cgroups->frozen(state.cgroup_path) ? Status::Paused : Status::Running;
}

Result<std::vector<std::string>> list_containers(const std::string& root) {
  Result<std::vector<std::string>> names = names_in(root);
  if (!names && names.error().code() == ENOENT) return std::vector<std::string>();
  TRY(names);
  std::erase_if(*names, [](const std::string& name) { return name.starts_with('.'); });
  return names;
}

std::optional<uint64_t> process_start_time(pid_t pid) {
  if (pid <= 0) return std::nullopt;
  Fd fd(::open(("/proc/" + std::to_string(pid) + "/stat").c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return std::nullopt;
  std::array<char, 1024> text{};
  ssize_t used = ::read(fd.get(), text.data(), text.size() - 1);
  if (used <= 0) return std::nullopt;
  // The second field, the command in parentheses, may contain any characters: fields are counted after it. proc(5)
  std::string_view rest(text.data(), static_cast<size_t>(used));
  size_t end = rest.rfind(')');
  if (end == std::string_view::npos || end + 2 >= rest.size()) return std::nullopt;
  std::vector<std::string> fields = split(rest.substr(end + 2), ' ');
  constexpr size_t kStatus = 0, kStartTime = 19;
  if (fields.size() <= kStartTime || fields[kStatus] == "Z" || fields[kStatus] == "X") return std::nullopt;
  return std::strtoull(fields[kStartTime].c_str(), nullptr, 10);
}

Result<Fd> open_container_process(const OciState& state) {
  Error gone = not_found("container " + state.id + ": container not running");
  if (state.pid <= 0) return gone;
  Result<Fd> pidfd = open_pidfd(state.pid);
  if (!pidfd) return gone;
  // Read after open_pidfd: the descriptor refers to the process that has the number now.
  std::optional<uint64_t> start = process_start_time(state.pid);
  if (!start || *start != state.start_time) return gone;
  return pidfd;
}

// In runc's order, on which scripts may depend.
OrderedJson state_document(const OciState& state, Status status) {
  OrderedJson out{{"ociVersion", state.oci_version},
                  {"id", state.id},
                  {"pid", status == Status::Stopped ? 0 : state.pid},
                  {"status", status_name(status)},
                  {"bundle", state.bundle},
                  {"rootfs", state.rootfs},
                  {"created", state.created}};
  if (!state.annotations.empty()) out["annotations"] = state.annotations;
  out["owner"] = state.owner;
  return out;
}

}  // namespace stack::runtime::oci
