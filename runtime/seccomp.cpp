#include "runtime/seccomp.h"

#include <errno.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <sys/stat.h>

#include <cstring>
#include <map>

#include "base/files.h"
#include "base/identity.h"
#include "base/json.h"
#include "runtime/kernel_version.h"
#include "runtime/seccomp_syscalls.h"

namespace stack::runtime {

namespace {

// Go's names of architectures, as profiles write them.
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

struct Context {
  scmp_filter_ctx value = nullptr;
  explicit Context(uint32_t action) : value(seccomp_init(action)) {}
  ~Context() {
    if (value != nullptr) seccomp_release(value);
  }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
};

std::string_view native_go_name() {
  uint32_t native = seccomp_arch_native();
  for (const Architecture& arch : kArchitectures) {
    if (arch.token == native) return arch.go_name;
  }
  return "";
}

Result<uint32_t> parse_action(const std::string& name, int64_t errno_value) {
  if (errno_value < 0 || errno_value > 4095)
    return invalid("seccomp: errnoRet " + std::to_string(errno_value));
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

Result<scmp_compare> parse_operator(const std::string& name) {
  static const std::map<std::string, scmp_compare> kOperators = {{"SCMP_CMP_NE", SCMP_CMP_NE},
                                                                 {"SCMP_CMP_LT", SCMP_CMP_LT},
                                                                 {"SCMP_CMP_LE", SCMP_CMP_LE},
                                                                 {"SCMP_CMP_EQ", SCMP_CMP_EQ},
                                                                 {"SCMP_CMP_GE", SCMP_CMP_GE},
                                                                 {"SCMP_CMP_GT", SCMP_CMP_GT},
                                                                 {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ}};
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

Result<> add_architectures(const Context& context, const Json& profile) {
  for (const std::string& name : wanted_architectures(profile)) {
    bool known = false;
    for (const Architecture& arch : kArchitectures) {
      if (arch.scmp_name != name) continue;
      known = true;
      int result = seccomp_arch_add(context.value, arch.token);
      if (result != 0 && result != -EEXIST)
        return Error::from_errno("seccomp: architecture " + name, -result);
    }
    if (!known) return invalid("seccomp: unknown architecture \"" + name + "\"");
  }
  return {};
}

Result<> add_flags(const Context& context, const Json& profile) {
  // A balanced tree of comparisons instead of a list: a call late in the list costs a dozen steps, not
  // hundreds.
  (void)seccomp_attr_set(context.value, SCMP_FLTATR_CTL_OPTIMIZE, 2);
  (void)seccomp_attr_set(context.value, SCMP_FLTATR_CTL_NNP, 0);
  for (const Json& flag : list(profile, "flags")) {
    std::string name = flag.is_string() ? flag.get<std::string>() : "";
    if (name == "SECCOMP_FILTER_FLAG_LOG") (void)seccomp_attr_set(context.value, SCMP_FLTATR_CTL_LOG, 1);
    bool known = name == "SECCOMP_FILTER_FLAG_LOG" || name == "SECCOMP_FILTER_FLAG_TSYNC" ||
                 name == "SECCOMP_FILTER_FLAG_SPEC_ALLOW" || name == "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV";
    if (!known) return invalid("seccomp: unknown flag \"" + name + "\"");
  }
  return {};
}

Result<std::vector<scmp_arg_cmp>> parse_arguments(const Json& rule) {
  std::vector<scmp_arg_cmp> out;
  for (const Json& item : list(rule, "args")) {
    uint64_t index = unsigned_or(item, "index", 0);
    if (index > 5) return invalid("seccomp: argument index " + std::to_string(index));
    TRY_ASSIGN(scmp_compare op, parse_operator(string_or(item, "op")));
    scmp_arg_cmp compare{};
    compare.arg = static_cast<unsigned>(index);
    compare.op = op;
    compare.datum_a = unsigned_or(item, "value", 0);
    compare.datum_b = unsigned_or(item, "valueTwo", 0);
    // In "masked equal", the profile's value is the mask and valueTwo the datum.
    out.push_back(compare);
  }
  return out;
}

// libseccomp takes one comparison per argument and rule; the profile means "any of" when an argument repeats.
bool repeats_an_argument(const std::vector<scmp_arg_cmp>& arguments) {
  unsigned seen = 0;
  for (const scmp_arg_cmp& compare : arguments) {
    if ((seen & 1U << compare.arg) != 0) return true;
    seen |= 1U << compare.arg;
  }
  return false;
}

Result<> add_call(const Context& context, uint32_t action, const std::string& name,
                  const std::vector<scmp_arg_cmp>& arguments) {
  int number = seccomp_syscall_resolve_name(name.c_str());
  if (number == __NR_SCMP_ERROR) number = recent_syscall_number(name);
  if (number == __NR_SCMP_ERROR || number < -10000) return {};  // neither the library nor we know it
  auto add = [&](const scmp_arg_cmp* first, size_t count) -> Result<> {
    int result = seccomp_rule_add_array(context.value, action, number, static_cast<unsigned>(count), first);
    // EDOM: another architecture's call; EEXIST: said twice; EFAULT: a number newer than the library.
    if (result != 0 && result != -EDOM && result != -EEXIST && result != -EFAULT)
      return Error::from_errno("seccomp: rule for " + name, -result);
    return {};
  };
  if (!repeats_an_argument(arguments)) return add(arguments.data(), arguments.size());
  for (const scmp_arg_cmp& compare : arguments) TRY(add(&compare, 1));
  return {};
}

Result<> add_rule(const Context& context, const Json& rule, uint32_t default_action) {
  int64_t errno_value = int_or(rule, "errnoRet", EPERM);
  TRY_ASSIGN(uint32_t action, parse_action(string_or(rule, "action"), errno_value));
  if (action == default_action) return {};  // libseccomp refuses rules that change nothing
  TRY_ASSIGN(std::vector<scmp_arg_cmp> arguments, parse_arguments(rule));
  std::string single = string_or(rule, "name");
  if (!single.empty()) TRY(add_call(context, action, single, arguments));
  for (const Json& name : list(rule, "names")) {
    if (!name.is_string()) return invalid("seccomp: names must be strings");
    TRY(add_call(context, action, name.get<std::string>(), arguments));
  }
  return {};
}

Result<std::string> export_program(const Context& context) {
  // seccomp_export_bpf writes to a descriptor only.
  TRY_ASSIGN(Pipe pipe, make_pipe());
  TRY(set_nonblocking(pipe.write.get(), true));
  int result = seccomp_export_bpf(context.value, pipe.write.get());
  if (result != 0) return Error::from_errno("seccomp: export", -result);
  pipe.write.reset();
  TRY_ASSIGN(std::string program, read_all(pipe.read.get()));
  if (program.size() / sizeof(sock_filter) > BPF_MAXINSNS)
    return invalid("seccomp: the profile is too large");
  return program;
}

}  // namespace

Result<std::string> compile_seccomp(const SeccompRequest& request) {
  TRY_ASSIGN(Json profile, parse_json(request.profile).in("seccomp profile"));
  if (!profile.is_object()) return invalid("seccomp profile: not an object");
  TRY_ASSIGN(uint32_t default_action,
             parse_action(string_or(profile, "defaultAction"), int_or(profile, "defaultErrnoRet", EPERM)));
  Context context(default_action);
  if (context.value == nullptr) return Error("seccomp: out of memory");
  TRY(add_architectures(context, profile));
  TRY(add_flags(context, profile));
  Conditions conditions(request);
  for (const Json& rule : list(profile, "syscalls")) {
    if (!rule.is_object()) return invalid("seccomp profile: a rule must be an object");
    if (conditions.apply(rule)) TRY(add_rule(context, rule, default_action));
  }
  return export_program(context);
}

Result<std::string> cached_seccomp(const SeccompRequest& request, const std::string& cache_dir) {
  const scmp_version* version = seccomp_version();
  KernelVersion kernel = running_kernel();
  std::string key = "1\n" + std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
                    std::to_string(version->micro) + "\n" + std::to_string(kernel.major) + "." +
                    std::to_string(kernel.minor) + "\n" + std::to_string(seccomp_arch_native()) + "\n" +
                    request.kernel_version + "\n";
  for (const std::string& capability : request.capabilities) key += capability + ",";
  std::string path = cache_dir + "/" + sha256_hex(key + "\n" + request.profile) + ".bpf";
  // "<sha256 of the program><program>": a torn or changed file is seen.
  constexpr size_t kDigest = 64;
  Result<std::string> cached = read_file(path, size_t{1} << 20);
  if (cached && cached->size() > kDigest) {
    std::string program = cached->substr(kDigest);
    if (sha256_hex(program) == cached->substr(0, kDigest) && program.size() % sizeof(sock_filter) == 0)
      return program;
  }
  TRY_ASSIGN(std::string program, compile_seccomp(request));
  TRY(ensure_directory(cache_dir, 0700));
  TRY(write_file_atomic(path, sha256_hex(program) + program, 0600));
  return program;
}

}  // namespace stack::runtime
