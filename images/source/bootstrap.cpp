#include "images/source/bootstrap.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ftw.h>
#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>

#include "base/files.h"
#include "base/process.h"
#include "base/text.h"
#include "images/source/apt_sources.h"

namespace stack::images {

namespace {

constexpr const char* kDebianMirror = "http://deb.debian.org/debian";
constexpr const char* kMergedUsrHooks = "/usr/share/mmdebstrap/hooks/merged-usr";
constexpr size_t kTailLines = 15;

struct Release {
  const char* number;
  const char* suite;
};

constexpr std::array<Release, 4> kReleases = {
    {{"10", "buster"}, {"11", "bullseye"}, {"12", "bookworm"}, {"13", "trixie"}}};
constexpr std::array<Release, 3> kUbuntuReleases = {
    {{"20.04", "focal"}, {"22.04", "jammy"}, {"24.04", "noble"}}};

// Where a distribution's packages are.
struct Distribution {
  std::string name;
  std::string mirror;
  std::string security;
  std::string keyring;  // on the host and in the image
  std::string keyring_package;
  std::string components;
};

Distribution distribution_of(const BootstrapSuite& suite) {
  if (!suite.canonical.starts_with("ubuntu:"))
    return {"debian",
            kDebianMirror,
            "http://deb.debian.org/debian-security",
            "/usr/share/keyrings/debian-archive-keyring.gpg",
            "debian-archive-keyring",
            "main"};
  // The main archive has only x86; all others are ports.
  bool x86 = host_architecture() == "amd64" || host_architecture() == "386";
  std::string mirror = x86 ? "http://archive.ubuntu.com/ubuntu" : "http://ports.ubuntu.com/ubuntu-ports";
  return {"ubuntu",
          mirror,
          x86 ? "http://security.ubuntu.com/ubuntu" : mirror,
          "/usr/share/keyrings/ubuntu-archive-keyring.gpg",
          "ubuntu-keyring",
          "main universe"};
}

bool is_rolling(const std::string& suite) { return suite == "sid" || suite == "testing" || suite == "forky"; }

// The host's own release if it is a Debian we know, else the newest stable one.
std::string default_suite() {
  Result<std::string> text = read_file("/etc/os-release");
  std::string id;
  std::string codename;
  if (text) {
    for (const std::string& line : split(*text, '\n')) {
      if (line.starts_with("ID=")) id = line.substr(3);
      if (line.starts_with("VERSION_CODENAME=")) codename = line.substr(17);
    }
  }
  if (id == "debian")
    for (const Release& release : kReleases)
      if (codename == release.suite) return codename;
  return kReleases.back().suite;
}

// "12", "12.11", "bookworm" -> "bookworm".
std::optional<std::string> suite_of_tag(std::string tag) {
  if (tag.ends_with("-slim")) tag.resize(tag.size() - 5);
  if (tag.empty() || tag == "latest" || tag == "stable" || tag == "slim") return default_suite();
  if (tag == "unstable") return "sid";
  if (is_rolling(tag)) return tag;
  for (const Release& release : kReleases)
    if (tag == release.suite || tag == release.number || tag.starts_with(std::string(release.number) + "."))
      return release.suite;
  return std::nullopt;
}

// --- the files that make it a container image ---

// Files excluded from a slim image, for the packages installed now and later.
constexpr const char* kExcludedPaths[] = {"path-exclude=/usr/share/doc/*",
                                          "path-include=/usr/share/doc/*/copyright",
                                          "path-exclude=/usr/share/man/*",
                                          "path-exclude=/usr/share/info/*",
                                          "path-exclude=/usr/share/groff/*",
                                          "path-exclude=/usr/share/lintian/*",
                                          "path-exclude=/usr/share/linda/*",
                                          "path-exclude=/usr/share/locale/*",
                                          "path-include=/usr/share/locale/locale.alias"};

std::string standard_sources(const BootstrapSuite& suite) {
  Distribution from = distribution_of(suite);
  bool one_suite = suite.suite == "sid";
  std::string tail = "\nComponents: " + from.components + "\nSigned-By: " + from.keyring + "\n";
  std::string out = "Types: deb\nURIs: " + from.mirror + "\nSuites: " + suite.suite +
                    (one_suite ? "" : " " + suite.suite + "-updates") + tail;
  if (!one_suite)
    out += "\nTypes: deb\nURIs: " + from.security + "\nSuites: " + suite.suite + "-security" + tail;
  return out;
}

Result<> configure_root(const std::string& root, const BootstrapSuite& suite) {
  std::string apt = root + "/etc/apt/";
  TRY(ensure_directory(apt + "sources.list.d"));
  ::unlink((apt + "sources.list").c_str());
  TRY(write_file(apt + "sources.list.d/" + distribution_of(suite).name + ".sources",
                 standard_sources(suite)));
  ::unlink((apt + "apt.conf.d/99mmdebstrap").c_str());
  ::unlink((root + "/etc/dpkg/dpkg.cfg.d/99mmdebstrap").c_str());
  // An image does not need downloaded packages twice. Dockerfiles that want to keep them delete this file by name.
  TRY(write_file(
      apt + "apt.conf.d/docker-clean",
      "DPkg::Post-Invoke { \"rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb "
      "/var/cache/apt/*.bin || true\"; };\n"
      "APT::Update::Post-Invoke { \"rm -f /var/cache/apt/archives/*.deb "
      "/var/cache/apt/archives/partial/*.deb "
      "/var/cache/apt/*.bin || true\"; };\n"
      "Dir::Cache::pkgcache \"\";\nDir::Cache::srcpkgcache \"\";\n"));
  TRY(write_file(apt + "apt.conf.d/docker-no-languages", "Acquire::Languages \"none\";\n"));
  TRY(write_file(apt + "apt.conf.d/docker-autoremove-suggests",
                 "APT::AutoRemove::SuggestsImportant \"false\";\n"));
  std::string excluded;
  for (const char* line : kExcludedPaths) excluded += std::string(line) + "\n";
  TRY(ensure_directory(root + "/etc/dpkg/dpkg.cfg.d"));
  TRY(write_file(root + "/etc/dpkg/dpkg.cfg.d/docker", excluded));
  // If the machine crashes, the whole layer is discarded, so packages need no fsync of their own.
  TRY(write_file(root + "/etc/dpkg/dpkg.cfg.d/docker-apt-speedup", "force-unsafe-io\n"));
  // Installing a package must not start its services.
  TRY(write_file(root + "/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0755));
  return {};
}

int remove_but_copyright(const char* path, const struct stat*, int kind, FTW*) {
  if (kind == FTW_DP) {
    ::rmdir(path);  // only if it is empty
    return 0;
  }
  if (std::string_view(path).ends_with("/copyright")) return 0;
  return ::unlink(path);
}

// Removes kExcludedPaths. mmdebstrap could do it during unpacking, but its filter takes longer than the unpacking
// itself.
Result<> remove_excluded_paths(const std::string& root) {
  std::string share = root + "/usr/share/";
  for (const char* name : {"man", "info", "groff", "lintian", "linda"}) {
    if (!is_directory(share + name)) continue;
    TRY(remove_tree(share + name));
    TRY(ensure_directory(share + name));
  }
  std::string alias = share + "locale/locale.alias";
  bool has_alias = ::rename(alias.c_str(), (share + "locale.alias").c_str()) == 0;
  TRY(remove_tree(share + "locale"));
  TRY(ensure_directory(share + "locale"));
  if (has_alias && ::rename((share + "locale.alias").c_str(), alias.c_str()) != 0)
    return Error::last_errno("keep locale.alias");
  if (::nftw((share + "doc").c_str(), remove_but_copyright, 32, FTW_PHYS | FTW_DEPTH) != 0)
    return Error::last_errno("remove documentation");
  return {};
}

// Removes data that depends on the host or on the time.
Result<> strip_root(const std::string& root) {
  for (const char* name : {"/var/lib/apt/lists", "/var/cache/apt", "/var/log/apt", "/dev", "/run", "/tmp"}) {
    std::string path = root + name;
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0) continue;
    TRY(remove_tree(path));
    TRY(ensure_directory(path, 0755));
    if (::chmod(path.c_str(), info.st_mode & 07777) != 0) return Error::last_errno("chmod " + path);
  }
  for (const char* name : {"/var/lib/apt/lists/partial", "/var/cache/apt/archives/partial"})
    TRY(ensure_directory(root + name, 0700));
  if (::mkdir((root + "/run/lock").c_str(), 0755) != 0 || ::chmod((root + "/run/lock").c_str(), 01777) != 0)
    return Error::last_errno("create /run/lock");
  for (const char* name : {"/var/log/dpkg.log", "/var/log/bootstrap.log", "/var/log/alternatives.log",
                           "/var/cache/ldconfig/aux-cache", "/var/cache/debconf/config.dat-old",
                           "/var/cache/debconf/templates.dat-old", "/var/lib/dpkg/status-old",
                           "/var/lib/dpkg/diversions-old", "/var/lib/dpkg/statoverride-old", "/etc/passwd-",
                           "/etc/group-", "/etc/shadow-", "/etc/gshadow-", "/var/lib/dbus/machine-id"})
    ::unlink((root + name).c_str());
  // These exist and are empty, so that mounts need not create mount points.
  for (const char* name : {"/etc/hostname", "/etc/resolv.conf", "/etc/hosts", "/etc/machine-id"}) {
    ::unlink((root + name).c_str());
    TRY(write_file(root + name, ""));
  }
  return {};
}

// File times: files created by the installation get the time of the newest packaged file, so that the same packages
// give the same layer.
thread_local time_t walk_start = 0;
thread_local time_t walk_newest = 0;

int note_time(const char*, const struct stat* info, int, FTW*) {
  if (info->st_mtim.tv_sec < walk_start) walk_newest = std::max(walk_newest, info->st_mtim.tv_sec);
  return 0;
}

int clamp_time(const char* path, const struct stat* info, int, FTW*) {
  if (info->st_mtim.tv_sec < walk_start) return 0;
  timespec times[2] = {{walk_newest, 0}, {walk_newest, 0}};
  return ::utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW);
}

Result<WallTime> settle_times(const std::string& root, time_t start) {
  walk_start = start;
  walk_newest = 0;
  if (::nftw(root.c_str(), note_time, 32, FTW_PHYS) != 0) return Error::last_errno("walk " + root);
  if (walk_newest == 0) walk_newest = start;
  if (::nftw(root.c_str(), clamp_time, 32, FTW_PHYS | FTW_DEPTH) != 0)
    return Error::last_errno("set times in " + root);
  return std::chrono::system_clock::from_time_t(walk_newest);
}

// --- running mmdebstrap ---

std::string source_line(const AptSource& source, const std::string& suite, const Distribution& from) {
  std::string keyring = source.signed_by;
  if (keyring.empty() && path_exists(from.keyring)) keyring = from.keyring;
  return "deb " + (keyring.empty() ? "" : "[signed-by=" + keyring + "] ") + source.uri + " " + suite + " " +
         from.components + "\n";
}

// The host's mirrors if it has any, else the distribution's.
std::string bootstrap_sources(const BootstrapSuite& suite, const std::string& mirror) {
  Distribution from = distribution_of(suite);
  std::vector<AptSource> host = host_apt_sources();
  auto of = [&](const std::string& name, const std::string& standard) {
    if (!mirror.empty() && standard == from.mirror) return source_line({mirror, name, {}, ""}, name, from);
    std::optional<AptSource> found = find_apt_source(host, name);
    return source_line(found.value_or(AptSource{standard, name, {}, ""}), name, from);
  };
  std::string out = of(suite.suite, from.mirror);
  if (suite.suite == "sid") return out;
  return out + of(suite.suite + "-updates", from.mirror) + of(suite.suite + "-security", from.security);
}

// Proxy and certificate settings of the host's apt, for the download only.
std::vector<std::string> host_apt_options() {
  SpawnRequest request;
  request.program = "apt-config";
  request.args = {"dump", "Acquire"};
  Result<CapturedRun> run = run_captured(std::move(request));
  std::vector<std::string> out;
  if (!run || run->exit_code != 0) return out;
  for (const std::string& line : split(run->output, '\n')) {
    bool wanted = line.starts_with("Acquire::http::") || line.starts_with("Acquire::https::");
    if (wanted && line.find("\"\"") == std::string::npos) out.push_back("--aptopt=" + line);
  }
  return out;
}

std::vector<std::string> mmdebstrap_arguments(const BootstrapSuite& wanted, const std::string& target) {
  const std::string& suite = wanted.suite;
  bool is_debian = distribution_of(wanted).name == "debian";
  std::vector<std::string> args = {"--mode=root", "--variant=minbase", "--format=directory",
                                   // The staging directory is closed to others, apt's own user among them.
                                   "--aptopt=APT::Sandbox::User \"root\"",
                                   "--aptopt=Acquire::Languages \"none\"", "--dpkgopt=force-unsafe-io"};
  // In releases that have it, this small package replaces usrmerge, which depends on all of perl.
  bool merged_usr = suite != "buster" && suite != "bullseye";
  if (merged_usr && is_debian) args.push_back("--include=usr-is-merged");
  if (!is_debian) args.push_back("--include=apt,ubuntu-keyring");  // not required packages there
  // The other hooks are about that package, which Ubuntu does not have in all its releases.
  if (merged_usr)
    args.push_back(is_debian ? std::string("--hook-dir=") + kMergedUsrHooks
                             : std::string("--setup-hook=") + kMergedUsrHooks + "/setup00.sh");
  for (std::string& option : host_apt_options()) args.push_back(std::move(option));
  args.insert(args.end(), {suite, target, "-"});
  return args;
}

bool in_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  for (const std::string& directory : split(path != nullptr ? path : "/usr/bin:/bin", ':'))
    if (::access((directory + "/" + program).c_str(), X_OK) == 0) return true;
  return false;
}

void end_session(pid_t pid, int pidfd) {
  ::kill(-pid, SIGTERM);
  pollfd wait{pidfd, POLLIN, 0};
  if (::poll(&wait, 1, 5000) == 0) ::kill(-pid, SIGKILL);
}

// Passes complete lines to `line`; false if stopped.
bool read_lines(int fd, const std::stop_token& stop, const ProgressLine& line) {
  std::string pending;
  char buffer[4096];
  for (;;) {
    if (stop.stop_requested()) return false;
    pollfd ready{fd, POLLIN, 0};
    int count = ::poll(&ready, 1, 200);
    if (count == 0 || (count < 0 && errno == EINTR)) continue;
    ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return true;
    pending.append(buffer, static_cast<size_t>(n));
    for (size_t end = pending.find_first_of("\r\n"); end != std::string::npos;
         end = pending.find_first_of("\r\n")) {
      if (end > 0) line(std::string_view(pending).substr(0, end));
      pending.erase(0, end + 1);
    }
  }
}

Error explain_failure(const std::vector<std::string>& lines, const std::string& suite) {
  std::string tail;
  std::string network;
  for (const std::string& line : lines) {
    tail += "\n  " + line;
    for (const char* sign :
         {"Temporary failure resolving", "Could not resolve", "Could not connect", "Network is unreachable",
          "Connection timed out", "Connection refused", "Certificate verification failed"})
      if (network.empty() && line.find(sign) != std::string::npos) network = line;
  }
  if (!network.empty())
    return Error("cannot reach the package mirror (check network, proxy, and certificates): " + network +
                 tail);
  return Error("mmdebstrap " + suite + " failed:" + tail);
}

Result<> run_mmdebstrap(const BootstrapSuite& suite, const std::string& target,
                        const BootstrapOptions& options, const ProgressLine& progress) {
  TRY_ASSIGN(Fd sources, sealed_memfd("sources.list", bootstrap_sources(suite, options.mirror)));
  TRY_ASSIGN(Pipe output, make_pipe());
  SpawnRequest request;
  request.program = "mmdebstrap";
  request.args = mmdebstrap_arguments(suite, target);
  request.fds = {{0, sources.get()}, {1, output.write.get()}, {2, output.write.get()}};
  request.new_session = true;
  request.replace_env = true;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    std::string_view text = *entry;
    if (!text.starts_with("LC_") && !text.starts_with("LANG")) request.env.emplace_back(text);
  }
  // Midnight: dates written by packages (shadow's last change) are equal all day.
  time_t today = std::time(nullptr) / 86400 * 86400;
  request.env.insert(request.env.end(), {"LC_ALL=C", "DEBIAN_FRONTEND=noninteractive",
                                         "SOURCE_DATE_EPOCH=" + std::to_string(today)});
  TRY_ASSIGN(pid_t pid, spawn(request));
  output.write.reset();
  TRY_ASSIGN(Fd pidfd, open_pidfd(pid));
  std::vector<std::string> tail;
  bool finished = read_lines(output.read.get(), options.stop, [&](std::string_view line) {
    tail.emplace_back(line);
    if (tail.size() > kTailLines) tail.erase(tail.begin());
    // The rest is dpkg's output, shown only after a failure.
    if (progress && line.starts_with("I: ") && !line.starts_with("I: running --")) progress(line.substr(3));
  });
  if (!finished) end_session(pid, pidfd.get());
  TRY_ASSIGN(int status, wait_for(pid));
  if (!finished) return Error(ErrorKind::Canceled, "bootstrap was canceled");
  if (exit_code_of(status) != 0) return explain_failure(tail, suite.suite);
  return {};
}

Result<Image> make_base_image(ImageStore& store, const BootstrapSuite& suite, const BootstrapOptions& options,
                              const ProgressLine& progress, const std::vector<Reference>& tags) {
  if (!in_path("mmdebstrap"))
    return unsupported(
        "mmdebstrap is not installed: run `apt-get install mmdebstrap`, or load an image instead");
  if (::geteuid() != 0) return unsupported("creating a base image requires root");
  // Debian's keys are on every Debian; apt reports others that are missing.
  Distribution from = distribution_of(suite);
  if (from.name != "debian" && !path_exists(from.keyring))
    return unsupported("the keys of " + from.name + "'s archive are missing: install the package " +
                       from.keyring_package + ", or copy " + from.keyring + " from a machine that has them");
  TRY_ASSIGN(StagedLayer staged, store.stage_layer());
  time_t start = std::time(nullptr);
  TRY(run_mmdebstrap(suite, staged.directory(), options, progress));
  TRY(remove_excluded_paths(staged.directory()));
  TRY(strip_root(staged.directory()));
  TRY(configure_root(staged.directory(), suite));
  TRY_ASSIGN(WallTime created, settle_times(staged.directory(), start));
  if (progress) progress("storing the image...");
  TRY_ASSIGN(LayerPin layer, store.commit_layer(std::move(staged)));
  if (!layer) return Error("mmdebstrap did not create a file system");
  ImageDocument document;
  document.architecture = host_architecture();
  document.created = rfc3339(created);
  document.config.env = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
  document.config.cmd = {"bash"};
  document.diff_ids = {layer->diff_id};
  document.history.push_back(
      {document.created, "mmdebstrap --variant=minbase " + suite.suite, "stack image bootstrap", "", false});
  return store.create_image(document, tags);
}

}  // namespace

std::optional<BootstrapSuite> bootstrap_suite(const Reference& reference) {
  if (reference.domain != "docker.io" || !reference.digest.empty()) return std::nullopt;
  if (reference.path == "library/ubuntu") {
    std::string tag = reference.tag == "latest" || reference.tag == "rolling" ? kUbuntuReleases.back().suite
                                                                              : reference.tag;
    for (const Release& release : kUbuntuReleases)
      if (tag == release.suite || tag == release.number)
        return BootstrapSuite{release.suite, std::string("ubuntu:") + release.suite};
    return std::nullopt;
  }
  if (reference.path != "library/debian") return std::nullopt;
  std::optional<std::string> suite = suite_of_tag(reference.tag);
  if (!suite) return std::nullopt;
  return BootstrapSuite{*suite, "debian:" + *suite + "-slim"};
}

Result<Image> bootstrap(ImageStore& store, const Reference& reference, const BootstrapOptions& options,
                        const ProgressLine& progress) {
  std::optional<BootstrapSuite> suite = bootstrap_suite(reference);
  if (!suite)
    return invalid(
        "cannot bootstrap " + reference.familiar() +
        ": must be debian:<release> or debian:<release>-slim for buster, bullseye, bookworm, trixie, "
        "testing, or sid, or ubuntu:<release> for focal, jammy, or noble");
  TRY_ASSIGN(Reference canonical, parse_reference(suite->canonical));
  std::optional<Image> present = store.find(suite->canonical);
  if (present && !options.refresh) {
    if (reference != canonical) TRY(store.tag(present->id, reference));
    return store.resolve(present->id);
  }
  std::vector<Reference> tags = {canonical};
  if (reference != canonical) tags.push_back(reference);
  return make_base_image(store, *suite, options, progress, tags).in("bootstrap " + reference.familiar());
}

}  // namespace stack::images
