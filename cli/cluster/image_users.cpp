#include "cli/cluster/image_users.h"

#include <algorithm>

#include "base/files.h"
#include "base/text.h"
#include "cli/session/container_copy.h"

namespace stack::cli::cluster {

namespace {

std::string file_of_container(Session& session, const CopyContainer& container, const std::string& path,
                              const std::string& folder) {
  std::string target = folder + "/" + base_name(path);
  if (!copy_from_container(session, container, path, target, true)) return "";
  return read_file(target, size_t{1} << 20).value_or("");
}

bool is_name(const std::string& text) { return !text.empty() && !is_all_digits(text); }

}  // namespace

bool names_users(const compose::Service& service) {
  for (const std::string& part : split(service.user, ':'))
    if (is_name(part)) return true;
  return std::any_of(service.group_add.begin(), service.group_add.end(), is_name);
}

std::map<std::string, std::string> parse_users(const std::string& passwd) {
  std::map<std::string, std::string> out;
  for (const std::string& line : split(passwd, '\n')) {
    std::vector<std::string> fields = split(line, ':');
    if (fields.size() >= 4 && is_all_digits(fields[2]) && is_all_digits(fields[3]))
      out.emplace(fields[0], fields[2] + ":" + fields[3]);
  }
  return out;
}

std::map<std::string, std::string> parse_groups(const std::string& group) {
  std::map<std::string, std::string> out;
  for (const std::string& line : split(group, '\n')) {
    std::vector<std::string> fields = split(line, ':');
    if (fields.size() >= 3 && is_all_digits(fields[2])) out.emplace(fields[0], fields[2]);
  }
  return out;
}

void read_users(Session& session, const std::string& image, targets::ImageFacts& facts) {
  auto created =
      session.call("POST", "/containers/create", {{"Image", image}, {"Cmd", Json::array({"true"})}});
  if (!created) return;
  CopyContainer container{string_or(*created, "Id"), image};
  auto folder = TemporaryDirectory::create("/tmp/stack-users-");
  if (folder) {
    facts.users = parse_users(file_of_container(session, container, "/etc/passwd", folder->path()));
    facts.groups = parse_groups(file_of_container(session, container, "/etc/group", folder->path()));
  }
  (void)session.call("DELETE", "/containers/" + container.id + "?force=1");
}

}  // namespace stack::cli::cluster
