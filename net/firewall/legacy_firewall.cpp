#include "net/firewall/legacy_firewall.h"

#include <net/if.h>
#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <sys/socket.h>

#include <cstring>

#include "base/files.h"
#include "base/process.h"
#include "base/text.h"
#include "net/firewall/firewall.h"
#include "net/link/namespace.h"

namespace stack::net {
namespace {

constexpr const char* kTableName = "filter";

std::string program_of(Family family) { return family == Family::V4 ? "iptables-legacy" : "ip6tables-legacy"; }

// Asking the kernel about a missing table would create it.
bool table_exists(Family family) {
  const char* file = family == Family::V4 ? "/proc/net/ip_tables_names" : "/proc/net/ip6_tables_names";
  for (const std::string& name : split(read_file(file).value_or(""), '\n'))
    if (name == kTableName) return true;
  return false;
}

Result<std::vector<char>> ask(const Fd& socket, int level, int option, std::vector<char> request) {
  socklen_t size = static_cast<socklen_t>(request.size());
  if (getsockopt(socket.get(), level, option, request.data(), &size) != 0)
    return Error::last_errno("read the table of iptables-legacy");
  return request;
}

// The verdict of a standard target; nullopt for other targets. The policy of a chain is the target of its last rule.
std::optional<int> verdict_at(const std::vector<char>& entries, size_t at, size_t target_offset) {
  xt_standard_target target{};
  if (at + target_offset + sizeof target > entries.size()) return std::nullopt;
  std::memcpy(&target, entries.data() + at + target_offset, sizeof target);
  if (target.target.u.user.name[0] != '\0') return std::nullopt;
  return target.verdict;
}

// The structures of both families differ only in the size of an entry. ip_tables.h, ip6_tables.h
template <typename GetInfo, typename GetEntries, typename Entry>
Result<bool> policy_drops(int family, int level, int info_option, int entries_option) {
  Fd socket(::socket(family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
  if (!socket) return Error::last_errno("open raw socket");
  GetInfo info{};
  std::strcpy(info.name, kTableName);
  std::vector<char> request(sizeof info);
  std::memcpy(request.data(), &info, sizeof info);
  TRY_ASSIGN(request, ask(socket, level, info_option, std::move(request)));
  std::memcpy(&info, request.data(), sizeof info);
  GetEntries head{};
  std::strcpy(head.name, kTableName);
  head.size = info.size;
  std::vector<char> entries(sizeof head + info.size);
  std::memcpy(entries.data(), &head, sizeof head);
  TRY_ASSIGN(entries, ask(socket, level, entries_option, std::move(entries)));
  const size_t at = sizeof head + info.underflow[NF_INET_FORWARD];
  Entry entry{};
  if (at + sizeof entry > entries.size()) return false;
  std::memcpy(&entry, entries.data() + at, sizeof entry);
  return verdict_at(entries, at, entry.target_offset) == -NF_DROP - 1;
}

std::vector<std::string> rule_arguments(const std::string& action, const std::string& our_table) {
  char mark[32];
  std::snprintf(mark, sizeof mark, "0x%x/0x%x", kAdmittedMark, kAdmittedMark);
  return {"-w", "5", "-t", kTableName, action, "FORWARD", "-m", "mark", "--mark", mark,
          "-m", "comment", "--comment", "stack: " + our_table, "-j", "ACCEPT"};
}

// In the host's namespace, which a spawned program inherits from the calling thread.
Result<bool> run_rule_command(Host& host, Family family, const std::string& action, const std::string& our_table) {
  return with_namespace(host.netns(), [&]() -> Result<bool> {
    SpawnRequest request;
    request.program = program_of(family);
    request.args = rule_arguments(action, our_table);
    TRY_ASSIGN(const CapturedRun run, run_captured(std::move(request)));
    return run.exit_code == 0;
  });
}

}  // namespace

Result<bool> legacy_forward_drops(Host& host, Family family) {
  return with_namespace(host.netns(), [&]() -> Result<bool> {
    if (!table_exists(family)) return false;
    if (family == Family::V4)
      return policy_drops<ipt_getinfo, ipt_get_entries, ipt_entry>(AF_INET, IPPROTO_IP, IPT_SO_GET_INFO,
                                                                   IPT_SO_GET_ENTRIES);
    return policy_drops<ip6t_getinfo, ip6t_get_entries, ip6t_entry>(AF_INET6, IPPROTO_IPV6, IP6T_SO_GET_INFO,
                                                                    IP6T_SO_GET_ENTRIES);
  });
}

Result<std::vector<ForeignChain>> open_legacy_chains(Host& host, const std::string& our_table) {
  std::vector<ForeignChain> found;
  for (const Family family : {Family::V4, Family::V6}) {
    TRY_ASSIGN(const bool drops, legacy_forward_drops(host, family));
    if (!drops) continue;
    ForeignChain chain{family == Family::V4 ? "ip" : "ip6", "filter (iptables-legacy)", "FORWARD", "policy drop",
                       false, ""};
    auto there = run_rule_command(host, family, "-C", our_table);
    if (there && !*there) there = run_rule_command(host, family, "-I", our_table);
    chain.admitted = there && *there;
    if (!chain.admitted)
      chain.problem = there ? program_of(family) + " failed" : "cannot run " + program_of(family);
    found.push_back(std::move(chain));
  }
  return found;
}

Result<> close_legacy_chains(Host& host, const std::string& our_table) {
  for (const Family family : {Family::V4, Family::V6}) {
    TRY_ASSIGN(const bool exists,
               with_namespace(host.netns(), [&]() -> Result<bool> { return table_exists(family); }));
    if (!exists) continue;
    while (true) {
      auto removed = run_rule_command(host, family, "-D", our_table);
      if (!removed || !*removed) break;
    }
  }
  return {};
}

}  // namespace stack::net
