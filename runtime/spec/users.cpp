#include "runtime/spec/users.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "runtime/rootfs/rootfs_view.h"

namespace stack::runtime {

namespace {

constexpr uint64_t kLargestId = 0xfffffffe;  // 2^32-1 means "unchanged" to the kernel
constexpr size_t kLongestLine = 64 * 1024;

// Only digits, in range. "1" is 1, "01" is 1; "+1", "-1", "1 ", "0x1" and "4294967296" are not numbers.
std::optional<uint32_t> parse_id(std::string_view text) {
  if (!is_all_digits(text) || text.size() > 10) return std::nullopt;
  uint64_t value = 0;
  for (char c : text) value = value * 10 + static_cast<uint64_t>(c - '0');
  if (value > kLargestId) return std::nullopt;
  return static_cast<uint32_t>(value);
}

// Calls `use` with the fields of each well-formed line until it returns true.
template <typename Use>
void for_each_entry(std::string_view text, size_t fields, Use use) {
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.size() > kLongestLine || line.starts_with('#')) continue;
    std::vector<std::string> parts = split(line, ':');
    if (parts.size() < fields || parts[0].empty()) continue;
    if (use(parts)) return;
  }
}

struct PasswdEntry {
  std::string name;
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::string home;
};

template <typename Match>
std::optional<PasswdEntry> find_passwd(std::string_view text, Match match) {
  std::optional<PasswdEntry> found;
  for_each_entry(text, 6, [&](const std::vector<std::string>& parts) {
    std::optional<uint32_t> uid = parse_id(parts[2]);
    std::optional<uint32_t> gid = parse_id(parts[3]);
    if (!uid || !gid) return false;
    PasswdEntry entry{parts[0], *uid, *gid, parts[5]};
    if (!match(entry)) return false;
    found = entry;
    return true;
  });
  return found;
}

std::optional<uint32_t> find_group(std::string_view text, std::string_view name) {
  std::optional<uint32_t> found;
  for_each_entry(text, 3, [&](const std::vector<std::string>& parts) {
    std::optional<uint32_t> gid = parse_id(parts[2]);
    if (parts[0] != name || !gid) return false;
    found = gid;
    return true;
  });
  return found;
}

std::vector<uint32_t> groups_of(std::string_view text, const std::string& user) {
  std::vector<uint32_t> out;
  for_each_entry(text, 4, [&](const std::vector<std::string>& parts) {
    std::optional<uint32_t> gid = parse_id(parts[2]);
    std::vector<std::string> members = split(parts[3], ',');
    if (gid && std::find(members.begin(), members.end(), user) != members.end()) out.push_back(*gid);
    return false;
  });
  return out;
}

void add_unique(std::vector<uint32_t>& list, uint32_t id) {
  if (std::find(list.begin(), list.end(), id) == list.end()) list.push_back(id);
}

// A numeric name in the file has precedence over the number, like in Docker; a number needs no entry.
Result<User> resolve_name(const std::string& name, std::string_view passwd_text) {
  User user;
  user.home = "/";
  std::optional<uint32_t> number = parse_id(name);
  std::optional<PasswdEntry> entry = find_passwd(passwd_text, [&](const PasswdEntry& candidate) {
    return candidate.name == name || (number && candidate.uid == *number);
  });
  if (entry) {
    user.uid = entry->uid;
    user.gid = entry->gid;
    user.name = entry->name;
    if (entry->home.starts_with('/')) user.home = entry->home;
    return user;
  }
  if (!number) {
    if (is_all_digits(name)) return invalid("user id " + name + " is out of range");
    return invalid("unable to find user " + name + ": no matching entries in passwd file");
  }
  user.uid = *number;
  return user;
}

}  // namespace

Result<uint32_t> resolve_group(std::string_view group, std::string_view group_text) {
  if (std::optional<uint32_t> named = find_group(group_text, group)) return *named;
  if (std::optional<uint32_t> number = parse_id(group)) return *number;
  if (is_all_digits(group)) return invalid("group id " + std::string(group) + " is out of range");
  return invalid("unable to find group " + std::string(group) + ": no matching entries in group file");
}

Result<User> resolve_user(std::string_view spec, std::string_view passwd_text, std::string_view group_text) {
  size_t colon = spec.find(':');
  std::string name(spec.substr(0, colon));
  std::string group(colon == std::string_view::npos ? std::string_view() : spec.substr(colon + 1));
  if (group.find(':') != std::string::npos) return invalid("not a user: \"" + std::string(spec) + "\"");
  if (name.empty()) name = "0";
  TRY_ASSIGN(User user, resolve_name(name, passwd_text));
  // If a group is given, Docker ignores memberships.
  if (!group.empty()) {
    TRY_ASSIGN(user.gid, resolve_group(group, group_text));
  }
  // Also a supplementary group: otherwise the process could leave it with setgid(2) and so pass permissions that are denied to the group.
  user.additional_gids = {user.gid};
  if (group.empty() && !user.name.empty())
    for (uint32_t gid : groups_of(group_text, user.name)) add_unique(user.additional_gids, gid);
  return user;
}

Result<User> resolve_user_in_root(std::string_view spec, int rootfs,
                                  const std::vector<std::string>& extra_groups) {
  TRY_ASSIGN(std::optional<std::string> passwd, read_file_in_root(rootfs, "/etc/passwd"));
  TRY_ASSIGN(std::optional<std::string> groups, read_file_in_root(rootfs, "/etc/group"));
  std::string group_text = groups.value_or("");
  TRY_ASSIGN(User user, resolve_user(spec, passwd.value_or(""), group_text));
  for (const std::string& extra : extra_groups) {
    TRY_ASSIGN(uint32_t gid, resolve_group(extra, group_text));
    add_unique(user.additional_gids, gid);
  }
  return user;
}

}  // namespace stack::runtime
