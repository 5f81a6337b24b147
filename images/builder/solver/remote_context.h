// Remote build contexts and files, as local directories for the duration of a build.
#pragma once

#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "images/builder/attest/provenance.h"
#include "images/builder/frontend/git_url.h"
#include "images/builder/solver/builder.h"
#include "images/builder/worker/git.h"
#include "images/store/store.h"

namespace stack::builder {

// All members are thread-safe. Their directories are removed with the object.
class RemoteContexts {
 public:
  RemoteContexts(const BuildRequest& request, images::ImageStore& store, const BuilderOptions& options,
                 std::stop_token stop)
      : request_(request), store_(store), options_(options), stop_(std::move(stop)) {}

  // The directory that a context's address stands for: an absolute path itself, or the contents of the archive at
  // that path; a git repository or an archive at an http(s) URL is fetched once per address. Any other http(s) URL
  // is a single Dockerfile: the directory then contains it as "Dockerfile".
  Result<std::string> directory(const std::string& address);
  // The image of "oci-layout://PATH[:TAG][@DIGEST]".
  Result<images::Image> layout_image(const std::string& address);

  // A file that is the only entry of a new directory below `scratch`.
  struct FetchedFile {
    std::string directory;
    std::string name;
    std::string digest;  // "sha256:..."
  };
  Result<FetchedFile> file(const std::string& url, const std::string& scratch);
  Result<std::string> commit_of(const GitUrl& url);
  // What the build has used from elsewhere; the addresses carry no credentials.
  void note(Material material);
  void note_commit(const std::string& address, const std::string& commit);
  std::vector<Material> materials() const;
  // Checks out the whole tree into the directory, which is created.
  Result<> check_out(const GitUrl& url, const std::string& commit, bool keep_git_dir,
                     const std::string& directory);

 private:
  Result<std::string> fetch(const std::string& address);
  Result<std::string> fetch_git(const std::string& address, const GitUrl& url, const std::string& scratch);
  Result<std::string> fetch_archive(const std::string& url, const std::string& scratch);
  Result<std::string> open_archive(const std::string& path);
  // A file that is not an archive is a Dockerfile.
  Result<std::string> unpack_archive(const std::string& path, const std::string& scratch);
  Result<std::string> new_directory(const std::string& name);
  Result<GitAccess> access_to(const GitUrl& url, const std::string& home);

  const BuildRequest& request_;
  images::ImageStore& store_;
  const BuilderOptions& options_;
  std::stop_token stop_;
  std::mutex mutex_;
  mutable std::mutex materials_mutex_;
  std::vector<Material> materials_;
  std::vector<images::StagedLayer> staged_;
  std::map<std::string, std::string> fetched_;              // directories by address
  std::map<std::string, std::string> layouts_;              // image ids by address
  std::vector<std::vector<images::LayerPin>> layout_pins_;  // keep the images' layers
};

// `name` as a pattern that matches nothing else.
std::string escaped_glob(const std::string& name);

}  // namespace stack::builder
