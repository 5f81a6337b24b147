#include "runtime/seccomp/seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>

#include <array>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include "base/files.h"
#include "base/json.h"
#include "runtime/container/kernel_version.h"
#include "runtime/seccomp/seccomp_program.h"
#include "runtime/seccomp/seccomp_syscalls.h"

namespace stack::runtime {

namespace {

// Go's names of architectures, as used in profiles.
struct Architecture {
  std::string_view go_name;
  std::string_view scmp_name;
  uint32_t token;
};
constexpr Architecture kArchitectures[] = {
    {"amd64", "SCMP_ARCH_X86_64", SCMP_ARCH_X86_64},
    {"x86", "SCMP_ARCH_X86", SCMP_ARCH_X86},
    {"x32", "SCMP_ARCH_X32", SCMP_ARCH_X32},
    {"arm", "SCMP_ARCH_ARM", SCMP_ARCH_ARM},
    {"arm64", "SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64},
    {"mips", "SCMP_ARCH_MIPS", SCMP_ARCH_MIPS},
    {"mips64", "SCMP_ARCH_MIPS64", SCMP_ARCH_MIPS64},
    {"mips64n32", "SCMP_ARCH_MIPS64N32", SCMP_ARCH_MIPS64N32},
    {"mipsel", "SCMP_ARCH_MIPSEL", SCMP_ARCH_MIPSEL},
    {"mipsel64", "SCMP_ARCH_MIPSEL64", SCMP_ARCH_MIPSEL64},
    {"mipsel64n32", "SCMP_ARCH_MIPSEL64N32", SCMP_ARCH_MIPSEL64N32},
    {"ppc", "SCMP_ARCH_PPC", SCMP_ARCH_PPC},
    {"ppc64", "SCMP_ARCH_PPC64", SCMP_ARCH_PPC64},
    {"ppc64le", "SCMP_ARCH_PPC64LE", SCMP_ARCH_PPC64LE},
    {"s390", "SCMP_ARCH_S390", SCMP_ARCH_S390},
    {"s390x", "SCMP_ARCH_S390X", SCMP_ARCH_S390X},
    {"riscv64", "SCMP_ARCH_RISCV64", SCMP_ARCH_RISCV64},
};

std::string_view native_go_name() {
  uint32_t native = seccomp_arch_native();
  for (const Architecture& arch : kArchitectures) {
    if (arch.token == native) return arch.go_name;
  }
  return "";
}

// The action `name_key` of `object` with the errno in `errno_key`, default EPERM.
Result<uint32_t> parse_action(const Json& object, const char* name_key, const char* errno_key) {
  std::string name = string_or(object, name_key);
  auto given = object.find(errno_key);
  bool has_errno = given != object.end() && !given->is_null();
  int64_t errno_value = int_or(object, errno_key, EPERM);
  if (errno_value < 0 || errno_value > 4095)
    return invalid("seccomp: " + std::string(errno_key) + " " + std::to_string(errno_value));
  if (has_errno && name != "SCMP_ACT_ERRNO" && name != "SCMP_ACT_TRACE")
    return invalid("seccomp: " + std::string(errno_key) + " is not allowed with action " + name);
  uint16_t code = static_cast<uint16_t>(errno_value);
  if (name == "SCMP_ACT_ALLOW") return uint32_t{SCMP_ACT_ALLOW};
  if (name == "SCMP_ACT_ERRNO") return uint32_t{SCMP_ACT_ERRNO(code)};
  if (name == "SCMP_ACT_KILL" || name == "SCMP_ACT_KILL_THREAD") return uint32_t{SCMP_ACT_KILL_THREAD};
  if (name == "SCMP_ACT_KILL_PROCESS") return uint32_t{SCMP_ACT_KILL_PROCESS};
  if (name == "SCMP_ACT_TRAP") return uint32_t{SCMP_ACT_TRAP};
  if (name == "SCMP_ACT_TRACE") return uint32_t{SCMP_ACT_TRACE(code)};
  if (name == "SCMP_ACT_LOG") return uint32_t{SCMP_ACT_LOG};
  if (name == "SCMP_ACT_NOTIFY") return uint32_t{SCMP_ACT_NOTIFY};
  return invalid("seccomp: unknown action \"" + name + "\"");
}

Result<ArgumentTest::Compare> parse_operator(const std::string& name) {
  using enum ArgumentTest::Compare;
  static const std::map<std::string, ArgumentTest::Compare> kOperators = {
      {"SCMP_CMP_NE", NotEqual},          {"SCMP_CMP_LT", Less},
      {"SCMP_CMP_LE", LessOrEqual},       {"SCMP_CMP_EQ", Equal},
      {"SCMP_CMP_GE", GreaterOrEqual},    {"SCMP_CMP_GT", Greater},
      {"SCMP_CMP_MASKED_EQ", MaskedEqual}};
  auto found = kOperators.find(name);
  if (found == kOperators.end()) return invalid("seccomp: unknown comparison \"" + name + "\"");
  return found->second;
}

// Profiles exceed int64: 0xffffffffffffffff is a legal value.
uint64_t unsigned_or(const Json& object, const char* key, uint64_t fallback) {
  auto found = object.find(key);
  if (found == object.end() || !found->is_number_integer()) return fallback;
  return found->get<uint64_t>();
}

const Json& list(const Json& object, const char* key) {
  static const Json kEmpty = Json::array();
  auto found = object.find(key);
  return found != object.end() && found->is_array() ? *found : kEmpty;
}

bool any_is(const Json& names, const auto& accepts) {
  for (const Json& name : names) {
    if (name.is_string() && accepts(name.get<std::string>())) return true;
  }
  return false;
}

bool all_are(const Json& names, const auto& accepts) {
  for (const Json& name : names) {
    if (!name.is_string() || !accepts(name.get<std::string>())) return false;
  }
  return true;
}

// Docker's rule: every condition in "includes" must hold, none in "excludes" may.
class Conditions {
 public:
  explicit Conditions(const SeccompRequest& request)
      : capabilities_(request.capabilities),
        kernel_(request.kernel_version.empty() ? running_kernel()
                                               : parse_kernel_version(request.kernel_version)) {}

  bool apply(const Json& rule) const {
    return holds(rule.value("includes", Json::object())) && !touches(rule.value("excludes", Json::object()));
  }

 private:
  bool holds(const Json& includes) const {
    const Json& arches = list(includes, "arches");
    if (!arches.empty() && !any_is(arches, is_native)) return false;
    if (!all_are(list(includes, "caps"), [&](const std::string& cap) { return capabilities_.contains(cap); }))
      return false;
    std::string least = string_or(includes, "minKernel");
    return least.empty() || kernel_ >= parse_kernel_version(least);
  }
  bool touches(const Json& excludes) const {
    if (any_is(list(excludes, "arches"), is_native)) return true;
    if (any_is(list(excludes, "caps"), [&](const std::string& cap) { return capabilities_.contains(cap); }))
      return true;
    std::string least = string_or(excludes, "minKernel");
    return !least.empty() && kernel_ >= parse_kernel_version(least);
  }
  static bool is_native(const std::string& name) { return name == native_go_name(); }

  const std::set<std::string>& capabilities_;
  KernelVersion kernel_;
};

const Architecture* find_architecture(std::string_view scmp_name) {
  for (const Architecture& arch : kArchitectures) {
    if (arch.scmp_name == scmp_name) return &arch;
  }
  return nullptr;
}

SyscallTable table_for(uint32_t token, uint32_t default_action) {
  SyscallTable table;
  table.x32 = token == SCMP_ARCH_X32;
  table.audit_arch = table.x32 ? uint32_t{SCMP_ARCH_X86_64} : token;
  bool n32 = token == SCMP_ARCH_MIPS64N32 || token == SCMP_ARCH_MIPSEL64N32;
  table.wide = (token & __AUDIT_ARCH_64BIT) != 0 && !n32;
  table.big_endian = (token & __AUDIT_ARCH_LE) == 0;
  table.otherwise = default_action;
  return table;
}

uint32_t token_of(const SyscallTable& table) {
  return table.x32 ? uint32_t{SCMP_ARCH_X32} : table.audit_arch;
}

std::vector<std::string> wanted_architectures(const Json& profile) {
  std::vector<std::string> out;
  for (const Json& name : list(profile, "architectures")) {
    if (name.is_string()) out.push_back(name.get<std::string>());
  }
  for (const Json& entry : list(profile, "archMap")) {
    std::string name = string_or(entry, "architecture");
    for (const Architecture& arch : kArchitectures) {
      if (arch.scmp_name != name || arch.token != seccomp_arch_native()) continue;
      for (const Json& sub : list(entry, "subArchitectures")) {
        if (sub.is_string()) out.push_back(sub.get<std::string>());
      }
    }
  }
  return out;
}

Result<std::vector<SyscallTable>> make_tables(const Json& profile, uint32_t default_action) {
  std::vector<std::string> names = wanted_architectures(profile);
  std::vector<SyscallTable> tables{table_for(seccomp_arch_native(), default_action)};
  std::set<uint32_t> made{seccomp_arch_native()};
  for (const std::string& name : names) {
    const Architecture* arch = find_architecture(name);
    if (arch == nullptr) return invalid("seccomp: unknown architecture \"" + name + "\"");
    if (made.insert(arch->token).second) tables.push_back(table_for(arch->token, default_action));
  }
  return tables;
}

struct FlagName {
  std::string_view name;
  unsigned flag;
};
constexpr FlagName kFlags[] = {
    {"SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC},
    {"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
    {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
    {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV},
};

Result<std::vector<ArgumentTest>> parse_arguments(const Json& rule) {
  std::vector<ArgumentTest> out;
  for (const Json& item : list(rule, "args")) {
    uint64_t index = unsigned_or(item, "index", 0);
    if (index > 5) return invalid("seccomp: argument index " + std::to_string(index));
    ArgumentTest test;
    TRY_ASSIGN(test.compare, parse_operator(string_or(item, "op")));
    test.index = static_cast<unsigned>(index);
    test.value = unsigned_or(item, "value", 0);
    if (test.compare == ArgumentTest::Compare::MaskedEqual) {
      // The profile's "value" is the mask and "valueTwo" the expected result.
      test.mask = std::exchange(test.value, unsigned_or(item, "valueTwo", 0));
    }
    out.push_back(test);
  }
  return out;
}

// All comparisons must hold; for a repeated argument, any of its comparisons must hold.
std::vector<SyscallRule> rules_of(const std::vector<ArgumentTest>& tests, uint32_t action) {
  unsigned seen = 0;
  bool repeats = false;
  for (const ArgumentTest& test : tests) {
    repeats = repeats || (seen & 1U << test.index) != 0;
    seen |= 1U << test.index;
  }
  if (!repeats) return {{tests, action}};
  std::vector<SyscallRule> out;
  for (const ArgumentTest& test : tests) out.push_back({{test}, action});
  return out;
}

void add_rules(SyscallTable& table, uint32_t number, const std::vector<SyscallRule>& rules) {
  std::vector<SyscallRule>& known = table.calls[number];
  known.insert(known.end(), rules.begin(), rules.end());
}

// Some architectures multiplex calls: the first argument of socketcall(2) and ipc(2) selects the call. The other arguments
// are in memory, where the filter cannot read them.
void add_multiplexed(SyscallTable& table, uint32_t token, int pseudo, uint32_t action) {
  // libseccomp's numbers: -100 - (the call of socketcall), -200 - (the call of ipc).
  bool sockets = pseudo > -200;
  int number = seccomp_syscall_resolve_name_arch(token, sockets ? "socketcall" : "ipc");
  if (number < 0) return;
  uint64_t which = static_cast<uint64_t>(-pseudo % 100);
  ArgumentTest test{0, ArgumentTest::Compare::Equal, which, 0};
  add_rules(table, static_cast<uint32_t>(number), {{{test}, action}});
}

void add_call(SyscallTable& table, uint32_t token, const std::string& name,
              const std::vector<ArgumentTest>& tests, uint32_t action) {
  int number = seccomp_syscall_resolve_name_arch(token, name.c_str());
  if (number <= -100 && number > -300) {
    add_multiplexed(table, token, number, action);
    number = direct_syscall_number(token, name);
  }
  if (number == __NR_SCMP_ERROR) {
    // The call is newer than the library.
    number = recent_syscall_number(name);
    if (number >= 0 && table.x32) number |= 0x40000000;
  }
  // The call is unknown, or this architecture does not have it.
  if (number >= 0) add_rules(table, static_cast<uint32_t>(number), rules_of(tests, action));
}

Result<std::vector<std::string>> names_of(const Json& rule) {
  std::vector<std::string> out;
  std::string single = string_or(rule, "name");
  if (!single.empty()) out.push_back(std::move(single));
  for (const Json& name : list(rule, "names")) {
    if (!name.is_string()) return invalid("seccomp: names must be strings");
    out.push_back(name.get<std::string>());
  }
  return out;
}

Result<> add_rule(std::vector<SyscallTable>& tables, const Json& rule, uint32_t default_action) {
  TRY_ASSIGN(uint32_t action, parse_action(rule, "action", "errnoRet"));
  TRY_ASSIGN(std::vector<ArgumentTest> tests, parse_arguments(rule));
  TRY_ASSIGN(std::vector<std::string> names, names_of(rule));
  if (action == default_action) return {};  // no effect, like in runc
  for (SyscallTable& table : tables) {
    for (const std::string& name : names) add_call(table, token_of(table), name, tests, action);
  }
  return {};
}

// Calls newer than all calls in the profile return ENOSYS, so that programs fall back to older calls; EPERM would make them
// fail. Like in runc.
void answer_unknown_calls(std::vector<SyscallTable>& tables, uint32_t default_action) {
  uint32_t kind = default_action & SECCOMP_RET_ACTION_FULL;
  bool refuses = kind == SECCOMP_RET_ERRNO || kind == SECCOMP_RET_KILL_THREAD ||
                 kind == SECCOMP_RET_KILL_PROCESS || kind == SECCOMP_RET_TRAP;
  if (!refuses) return;
  for (SyscallTable& table : tables) {
    if (table.calls.empty()) continue;
    table.unknown_from = table.calls.rbegin()->first + 1;
    table.unknown = SECCOMP_RET_ERRNO | ENOSYS;
  }
}

// ---- the cache ----

// FNV-1a, for a file name. The file's contents are compared completely, so collisions are harmless and no cryptographic
// library is needed.
uint64_t fingerprint(std::string_view bytes) {
  uint64_t hash = 0xcbf29ce484222325;
  for (char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

std::string hex(uint64_t number) {
  std::array<char, 17> text{};
  (void)std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(number));
  return text.data();
}

// All inputs of the program.
std::string cache_key(const SeccompRequest& request) {
  const scmp_version* version = seccomp_version();
  KernelVersion kernel = running_kernel();
  std::string key = "2\n" + std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
                    std::to_string(version->micro) + "\n" + std::to_string(kernel.major) + "." +
                    std::to_string(kernel.minor) + "\n" + std::to_string(seccomp_arch_native()) + "\n" +
                    request.kernel_version + "\n";
  for (const std::string& capability : request.capabilities) key += capability + ",";
  return key + "\n" + request.profile;
}

// "<length of the key> <fingerprint of the program>\n<key><program>", which detects truncated, changed, and foreign files.
std::string pack_cached(const std::string& key, const std::string& program) {
  return std::to_string(key.size()) + " " + hex(fingerprint(program)) + "\n" + key + program;
}

std::optional<std::string> unpack_cached(const std::string& bytes, const std::string& key) {
  size_t line = bytes.find('\n');
  if (line == std::string::npos || bytes.compare(line + 1, key.size(), key) != 0) return std::nullopt;
  std::string program = bytes.substr(std::min(bytes.size(), line + 1 + key.size()));
  if (program.empty() || program.size() % sizeof(sock_filter) != 0) return std::nullopt;
  if (bytes.compare(0, line, std::to_string(key.size()) + " " + hex(fingerprint(program))) != 0)
    return std::nullopt;
  return program;
}

}  // namespace

std::vector<std::string> seccomp_architectures() {
  std::vector<std::string> out;
  for (const Architecture& arch : kArchitectures) out.emplace_back(arch.scmp_name);
  return out;
}

Result<std::optional<unsigned>> seccomp_flags(const Json& profile) {
  auto found = profile.find("flags");
  if (found == profile.end() || found->is_null()) return std::optional<unsigned>();
  unsigned flags = 0;
  for (const Json& item : *found) {
    const FlagName* known = nullptr;
    for (const FlagName& row : kFlags) {
      if (item.is_string() && item.get<std::string>() == row.name) known = &row;
    }
    if (known == nullptr) return invalid("seccomp: unknown flag " + to_text(item));
    flags |= known->flag;
  }
  return std::optional<unsigned>(flags);
}

bool seccomp_notifies(const Json& profile) {
  if (string_or(profile, "defaultAction") == "SCMP_ACT_NOTIFY") return true;
  for (const Json& rule : list(profile, "syscalls")) {
    if (string_or(rule, "action") == "SCMP_ACT_NOTIFY") return true;
  }
  return false;
}

Result<std::string> compile_seccomp(const SeccompRequest& request) {
  TRY_ASSIGN(Json profile, parse_json(request.profile).in("seccomp profile"));
  if (!profile.is_object()) return invalid("seccomp profile: not an object");
  TRY_ASSIGN(uint32_t default_action, parse_action(profile, "defaultAction", "defaultErrnoRet"));
  TRY(seccomp_flags(profile));
  TRY_ASSIGN(std::vector<SyscallTable> tables, make_tables(profile, default_action));
  Conditions conditions(request);
  for (const Json& rule : list(profile, "syscalls")) {
    if (!rule.is_object()) return invalid("seccomp profile: a rule must be an object");
    if (conditions.apply(rule)) TRY(add_rule(tables, rule, default_action));
  }
  answer_unknown_calls(tables, default_action);
  return build_seccomp_program(tables, SECCOMP_RET_KILL_THREAD);
}

Result<std::string> cached_seccomp(const SeccompRequest& request, const std::string& cache_dir) {
  std::string key = cache_key(request);
  std::string path = cache_dir + "/" + hex(fingerprint(key)) + ".bpf";
  Result<std::string> cached = read_file(path, size_t{4} << 20);
  if (cached) {
    std::optional<std::string> program = unpack_cached(*cached, key);
    if (program) return std::move(*program);
  }
  TRY_ASSIGN(std::string program, compile_seccomp(request));
  TRY(ensure_directory(cache_dir, 0700));
  TRY(write_file_atomic(path, pack_cached(key, program), 0600));
  return program;
}

}  // namespace stack::runtime
