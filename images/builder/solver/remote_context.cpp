#include "images/builder/solver/remote_context.h"

#include <fcntl.h>

#include <algorithm>

#include "base/base64.h"
#include "base/files.h"
#include "base/text.h"
#include "images/archive/image_archive.h"
#include "images/layer/layer_unpack.h"
#include "images/layer/layer_view.h"

namespace stack::builder {

namespace {

constexpr std::string_view kLayoutPrefix = "oci-layout://";

// "host" of "https://host:port/path".
std::string host_of(const std::string& remote) {
  size_t start = remote.find("://");
  start = start == std::string::npos ? 0 : start + 3;
  std::string host = remote.substr(start, remote.find('/', start) - start);
  return host;
}

const BuildSecret* find_secret(const BuildRequest& request, const std::string& id) {
  auto found = std::find_if(request.secrets.begin(), request.secrets.end(),
                            [&](const BuildSecret& secret) { return secret.id == id; });
  return found == request.secrets.end() ? nullptr : &*found;
}

Result<std::string> secret_text(const BuildSecret& secret) {
  if (secret.value) return *secret.value;
  TRY_ASSIGN(std::string text, read_file(secret.file).in("secret " + secret.id));
  return std::string(trim(text));
}

}  // namespace

std::string escaped_glob(const std::string& name) {
  std::string out;
  for (char c : name) {
    if (std::string_view("*?[\\").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

Result<std::string> RemoteContexts::directory(const std::string& address) {
  if (address.empty() || is_directory(address)) return address;
  std::lock_guard guard(mutex_);
  if (auto known = fetched_.find(address); known != fetched_.end()) return known->second;
  TRY_ASSIGN(std::string made, fetch(address));
  fetched_[address] = made;
  return made;
}

Result<std::string> RemoteContexts::new_directory(const std::string& name) {
  TRY_ASSIGN(images::StagedLayer staged, store_.stage_layer());
  std::string path = staged.scratch_directory() + "/" + name;
  TRY(ensure_directory(path));
  staged_.push_back(std::move(staged));
  return path;
}

Result<std::string> RemoteContexts::fetch(const std::string& address) {
  if (address.starts_with('/')) return open_archive(address);
  TRY_ASSIGN(std::optional<GitUrl> git, parse_git_url(address));
  if (!git && !is_http_url(address))
    return unsupported("context " + address + ": expected a directory, a git repository, or an http(s) URL");
  TRY_ASSIGN(std::string scratch, new_directory("remote"));
  return git ? fetch_git(address, *git, scratch) : fetch_archive(address, scratch);
}

void RemoteContexts::note(Material material) {
  material.uri = without_credentials(material.uri);
  if (material.digest.starts_with("sha256:")) material.digest.erase(0, 7);
  std::lock_guard guard(materials_mutex_);
  materials_.push_back(std::move(material));
}

void RemoteContexts::note_commit(const std::string& address, const std::string& commit) {
  note({address, commit.size() == 64 ? "sha256" : "sha1", commit});
}

std::vector<Material> RemoteContexts::materials() const {
  std::lock_guard guard(materials_mutex_);
  return materials_;
}

// Links in the repository cannot lead the subdirectory out of it.
Result<std::string> RemoteContexts::fetch_git(const std::string& address, const GitUrl& url,
                                              const std::string& scratch) {
  TRY_ASSIGN(std::string commit, commit_of(url));
  note_commit(address, commit);
  auto keep = request_.args.find("BUILDKIT_CONTEXT_KEEP_GIT_DIR");
  bool keep_git =
      keep != request_.args.end() && keep->second && (*keep->second == "1" || *keep->second == "true");
  std::string tree = scratch + "/tree";
  TRY(check_out(url, commit, url.keep_git_dir.value_or(keep_git), tree));
  if (url.subdir.empty()) return tree;
  TRY_ASSIGN(images::LayerView view, images::LayerView::open({tree}));
  TRY_ASSIGN(std::optional<images::ViewEntry> entry, view.find(url.subdir, true));
  if (!entry || !S_ISDIR(entry->info.st_mode))
    return not_found(url.remote + " has no directory " + url.subdir);
  return tree + "/" + entry->path;
}

Result<std::string> RemoteContexts::fetch_archive(const std::string& url, const std::string& scratch) {
  TRY_ASSIGN(FetchedFile fetched, file(url, scratch));
  return unpack_archive(fetched.directory + "/" + fetched.name, scratch).in(url);
}

Result<std::string> RemoteContexts::open_archive(const std::string& path) {
  if (!path_exists(path)) return not_found(path + " does not exist");
  TRY_ASSIGN(std::string scratch, new_directory("archive"));
  return unpack_archive(path, scratch).in(path);
}

Result<std::string> RemoteContexts::unpack_archive(const std::string& path, const std::string& scratch) {
  TRY_ASSIGN(Fd archive, open_file(path, O_RDONLY));
  std::string directory = scratch + "/context";
  TRY(ensure_directory(directory));
  TRY_ASSIGN(bool is_tar, images::looks_like_tar(archive.get()));
  if (!is_tar) {
    TRY_ASSIGN(std::string text, read_file(path, size_t{16} << 20));
    TRY(write_file(directory + "/Dockerfile", text));
    return directory;
  }
  TRY_ASSIGN(Fd root, open_file(directory, O_RDONLY | O_DIRECTORY));
  TRY_ASSIGN(images::ByteSource bytes, images::open_decompressed(archive.get()));
  images::TarReader reader(std::move(bytes));
  images::UnpackOptions options;
  options.whiteouts = false;
  options.keep_root = true;
  TRY(images::unpack_tar(reader, root.get(), options));
  return directory;
}

Result<RemoteContexts::FetchedFile> RemoteContexts::file(const std::string& url, const std::string& scratch) {
  if (!options_.download) return unsupported(url + ": this builder has no network access");
  FetchedFile out;
  out.directory = scratch + "/download-" + std::to_string(std::hash<std::string>()(url));
  TRY(ensure_directory(out.directory));
  std::string part = scratch + "/download.part";
  TRY_ASSIGN(RemoteFile fetched, options_.download(url, part, request_, stop_));
  out.name = fetched.name.empty() ? "index" : fetched.name;
  out.digest = fetched.digest;
  note({url, "sha256", fetched.digest});
  std::string path = out.directory + "/" + out.name;
  if (::rename(part.c_str(), path.c_str()) != 0) return Error::last_errno("rename " + part);
  timespec times[2] = {{fetched.modified, 0}, {fetched.modified, 0}};
  if (::chmod(path.c_str(), 0600) != 0 || ::utimensat(AT_FDCWD, path.c_str(), times, 0) != 0)
    return Error::last_errno("set attributes of " + path);
  return out;
}

// Secrets GIT_AUTH_HEADER and GIT_AUTH_TOKEN, or with ".<host>" after the name, as in BuildKit.
Result<GitAccess> RemoteContexts::access_to(const GitUrl& url, const std::string& home) {
  GitAccess access;
  access.proxy = request_.proxy_environment;
  access.ca_bundle = request_.extra_ca_bundle;
  for (const BuildSsh& agent : request_.ssh)
    if (agent.id == "default") access.ssh_socket = agent.socket;
  access.home = home;
  access.stop = stop_;
  for (const std::string& suffix : {"." + host_of(url.remote), std::string()}) {
    if (const BuildSecret* header = find_secret(request_, "GIT_AUTH_HEADER" + suffix)) {
      TRY_ASSIGN(access.authorization, secret_text(*header));
      break;
    }
    if (const BuildSecret* token = find_secret(request_, "GIT_AUTH_TOKEN" + suffix)) {
      TRY_ASSIGN(std::string text, secret_text(*token));
      access.authorization = "Basic " + encode_base64("x-access-token:" + text);
      break;
    }
  }
  return access;
}

Result<std::string> RemoteContexts::commit_of(const GitUrl& url) {
  TRY_ASSIGN(images::StagedLayer staged, store_.stage_layer());
  std::string home = staged.scratch_directory() + "/home";
  TRY(ensure_directory(home));
  TRY_ASSIGN(GitAccess access, access_to(url, home));
  return find_commit(url, access);
}

Result<> RemoteContexts::check_out(const GitUrl& url, const std::string& commit, bool keep_git_dir,
                                   const std::string& directory) {
  TRY_ASSIGN(images::StagedLayer staged, store_.stage_layer());
  std::string home = staged.scratch_directory() + "/home";
  TRY(ensure_directory(home));
  TRY(ensure_directory(directory));
  TRY_ASSIGN(GitAccess access, access_to(url, home));
  return builder::check_out(url, commit, keep_git_dir, directory, access);
}

Result<images::Image> RemoteContexts::layout_image(const std::string& address) {
  std::string path = address.substr(kLayoutPrefix.size());
  std::string digest;
  std::string tag;
  if (size_t at = path.rfind('@'); at != std::string::npos) {
    digest = path.substr(at + 1);
    path.resize(at);
  }
  size_t colon = path.rfind(':');
  if (colon != std::string::npos && path.find('/', colon) == std::string::npos) {
    tag = path.substr(colon + 1);
    path.resize(colon);
  }
  if (!path.starts_with('/')) return invalid(address + ": the path of a layout must be absolute");
  std::lock_guard guard(mutex_);
  if (auto known = layouts_.find(address); known != layouts_.end()) return store_.resolve(known->second);
  TRY_ASSIGN(images::Image image, images::load_layout(store_, path, tag, digest));
  TRY_ASSIGN(std::vector<images::LayerPin> pins, store_.pin_layers(image));
  layout_pins_.push_back(std::move(pins));
  layouts_[address] = image.id;
  note({address, "sha256", image.manifest_digest});
  return image;
}

}  // namespace stack::builder
