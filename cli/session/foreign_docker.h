// A Docker engine on this machine, whose images, volumes, and projects can be copied.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "http/client/client.h"

namespace stack::cli {

struct DockerImage {
  std::string id;
  std::vector<std::string> names;
  int64_t size = 0;
};

struct DockerVolume {
  std::string name;
  std::string folder;  // on this machine
  std::map<std::string, std::string> labels;
};

struct DockerProject {
  std::string name;
  std::string folder;
  std::vector<std::string> files;
  std::vector<std::string> containers;  // IDs of the running ones
};

struct DockerInventory {
  std::vector<DockerImage> images;      // with a name
  std::vector<DockerVolume> volumes;    // named, of the driver local and without options
  std::vector<DockerProject> projects;  // with running containers and readable Compose files
  std::vector<std::string> notes;       // objects that cannot be copied, and why
};

class ForeignDocker {
 public:
  // NotFound if no engine serves at the socket.
  static Result<ForeignDocker> connect(const std::string& socket);

  // The engine's data folder, which distinguishes it from ours.
  Result<std::string> root();
  Result<DockerInventory> inventory();
  // An archive of images, written into an open file.
  Result<> save_images(const std::vector<std::string>& names, int file);
  Result<> stop(const DockerProject& project);
  Result<> start(const DockerProject& project);

 private:
  explicit ForeignDocker(http::Client client) : client_(std::move(client)) {}
  Result<> read_images(DockerInventory& found);
  Result<> read_volumes(DockerInventory& found);
  Result<> read_projects(DockerInventory& found);
  http::Client client_;
};

}  // namespace stack::cli
