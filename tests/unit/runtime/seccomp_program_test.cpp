// Compares our programs with those of libseccomp for the same profiles by interpreting both, for every number of
// every architecture.
#include "runtime/seccomp/seccomp_program.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>

#include <cstddef>
#include <cstring>
#include <random>

#include "base/fd.h"
#include "base/json.h"
#include "runtime/seccomp/seccomp.h"
#include "runtime/spec/defaults.h"

namespace stack::runtime {
namespace {

using Program = std::vector<sock_filter>;

Program program_of(const std::string& bytes) {
  Program program(bytes.size() / sizeof(sock_filter));
  std::memcpy(program.data(), bytes.data(), bytes.size());
  return program;
}

struct Outcome {
  uint32_t action = 0;
  size_t steps = 0;
};

// Interprets a classic BPF program like the kernel; supports only the instructions of seccomp(2) programs.
Outcome interpret(const Program& program, const seccomp_data& data) {
  uint32_t accumulator = 0;
  size_t steps = 0;
  for (size_t at = 0; at < program.size(); ++at) {
    const sock_filter& now = program[at];
    ++steps;
    switch (now.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        std::memcpy(&accumulator, reinterpret_cast<const char*>(&data) + now.k, sizeof(accumulator));
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        accumulator &= now.k;
        break;
      case BPF_JMP | BPF_JA:
        at += now.k;
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        at += accumulator == now.k ? now.jt : now.jf;
        break;
      case BPF_JMP | BPF_JGT | BPF_K:
        at += accumulator > now.k ? now.jt : now.jf;
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        at += accumulator >= now.k ? now.jt : now.jf;
        break;
      case BPF_RET | BPF_K:
        return {now.k, steps};
      default:
        ADD_FAILURE() << "instruction " << at << ": code " << now.code;
        return {};
    }
  }
  ADD_FAILURE() << "the program runs out of its end";
  return {};
}

// ---- the same profile through libseccomp ----

const std::map<std::string, scmp_compare> kCompares = {{"SCMP_CMP_NE", SCMP_CMP_NE},
                                                       {"SCMP_CMP_LT", SCMP_CMP_LT},
                                                       {"SCMP_CMP_LE", SCMP_CMP_LE},
                                                       {"SCMP_CMP_EQ", SCMP_CMP_EQ},
                                                       {"SCMP_CMP_GE", SCMP_CMP_GE},
                                                       {"SCMP_CMP_GT", SCMP_CMP_GT},
                                                       {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ}};

uint32_t action_of(const Json& rule, const char* key, const char* errno_key) {
  std::string name = rule.at(key);
  uint16_t code = rule.value(errno_key, uint16_t{EPERM});
  if (name == "SCMP_ACT_ALLOW") return SCMP_ACT_ALLOW;
  if (name == "SCMP_ACT_ERRNO") return SCMP_ACT_ERRNO(code);
  if (name == "SCMP_ACT_TRACE") return SCMP_ACT_TRACE(code);
  if (name == "SCMP_ACT_TRAP") return SCMP_ACT_TRAP;
  if (name == "SCMP_ACT_LOG") return SCMP_ACT_LOG;
  if (name == "SCMP_ACT_NOTIFY") return SCMP_ACT_NOTIFY;
  return name == "SCMP_ACT_KILL_PROCESS" ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_KILL_THREAD;
}

std::vector<scmp_arg_cmp> compares_of(const Json& rule) {
  std::vector<scmp_arg_cmp> out;
  for (const Json& arg : rule.value("args", Json::array())) {
    out.push_back({arg.at("index").get<unsigned>(), kCompares.at(arg.at("op")),
                   arg.at("value").get<uint64_t>(), arg.value("valueTwo", uint64_t{0})});
  }
  return out;
}

// `profile` in the OCI format: architectures, no conditions.
Program reference(const Json& profile) {
  scmp_filter_ctx context = seccomp_init(action_of(profile, "defaultAction", "defaultErrnoRet"));
  for (const std::string name : profile.value("architectures", Json::array())) {
    std::string word = name.substr(std::strlen("SCMP_ARCH_"));
    for (char& c : word) c = static_cast<char>(std::tolower(c));
    (void)seccomp_arch_add(context, seccomp_arch_resolve_name(word.c_str()));
  }
  for (const Json& rule : profile.at("syscalls")) {
    uint32_t action = action_of(rule, "action", "errnoRet");
    if (action == action_of(profile, "defaultAction", "defaultErrnoRet")) continue;
    std::vector<scmp_arg_cmp> all = compares_of(rule);
    for (const std::string name : rule.at("names")) {
      int number = seccomp_syscall_resolve_name(name.c_str());
      if (number == __NR_SCMP_ERROR) continue;
      (void)seccomp_rule_add_array(context, action, number, static_cast<unsigned>(all.size()), all.data());
    }
  }
  Pipe pipe = std::move(*make_pipe());
  (void)set_nonblocking(pipe.write.get(), true);
  EXPECT_EQ(seccomp_export_bpf(context, pipe.write.get()), 0);
  seccomp_release(context);
  pipe.write.reset();
  return program_of(*read_all(pipe.read.get()));
}

Program ours(const Json& profile) {
  Result<std::string> bytes = compile_seccomp({to_text(profile), {}, "6.1"});
  EXPECT_TRUE(bytes) << bytes.error().text();
  return bytes ? program_of(*bytes) : Program();
}

// Resolves Docker's format of a profile for the default capabilities on this machine.
Json resolved(Json profile) {
  std::set<std::string> caps(default_capabilities().begin(), default_capabilities().end());
  auto here = [](const Json& names) { return std::find(names.begin(), names.end(), "amd64") != names.end(); };
  Json kept = Json::array();
  for (const Json& rule : profile["syscalls"]) {
    Json in = rule.value("includes", Json::object()), out = rule.value("excludes", Json::object());
    bool wanted = !in.contains("arches") || in["arches"].empty() || here(in["arches"]);
    for (const std::string cap : in.value("caps", Json::array())) wanted = wanted && caps.contains(cap);
    for (const std::string cap : out.value("caps", Json::array())) wanted = wanted && !caps.contains(cap);
    wanted = wanted && !here(out.value("arches", Json::array()));
    if (wanted) kept.push_back(rule);
  }
  profile["syscalls"] = kept;
  profile["architectures"] = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"};
  profile.erase("archMap");
  for (Json& rule : profile["syscalls"]) {
    rule.erase("includes");
    rule.erase("excludes");
  }
  return profile;
}

Json known_to_libseccomp(Json profile) {
  for (Json& rule : profile["syscalls"]) {
    Json kept = Json::array();
    for (const std::string name : rule["names"])
      if (seccomp_syscall_resolve_name(name.c_str()) != __NR_SCMP_ERROR) kept.push_back(name);
    rule["names"] = kept;
  }
  return profile;
}

// ---- comparing ----

std::vector<uint64_t> interesting_values(const Json& profile) {
  std::set<uint64_t> values = {0, 1, ~uint64_t{0}, 0xffffffff, 0x100000000};
  for (const Json& rule : profile.at("syscalls")) {
    for (const Json& arg : rule.value("args", Json::array())) {
      for (const char* key : {"value", "valueTwo"}) {
        if (!arg.contains(key)) continue;
        uint64_t value = arg.at(key);
        for (uint64_t near :
             {value - 1, value, value + 1, value | uint64_t{1} << 32, value | uint64_t{1} << 63})
          values.insert(near);
      }
    }
  }
  return {values.begin(), values.end()};
}

// Every interesting value for each argument alone, for all arguments together, and in random combinations.
std::vector<std::array<uint64_t, 6>> argument_sets(const Json& profile) {
  std::vector<uint64_t> values = interesting_values(profile);
  std::vector<std::array<uint64_t, 6>> out;
  for (uint64_t value : values) {
    out.push_back({value, value, value, value, value, value});
    for (size_t index = 0; index < 6; ++index) {
      out.emplace_back();
      out.back()[index] = value;
    }
  }
  std::mt19937_64 random(4711);
  for (int i = 0; i < 60; ++i) {
    out.emplace_back();
    for (uint64_t& argument : out.back()) argument = values[random() % values.size()];
  }
  return out;
}

const std::set<uint32_t> kEdges = {0x3fffffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};

std::set<uint32_t> all_numbers() {
  std::set<uint32_t> out = kEdges;
  for (uint32_t number = 0; number < 600; ++number) {
    out.insert(number);
    out.insert(number | 0x40000000);
  }
  return out;
}

// The numbers that the profile names, on every architecture, and their neighbors.
std::set<uint32_t> numbers_of(const Json& profile) {
  std::set<uint32_t> out = kEdges;
  std::set<std::string> names = {"socketcall", "ipc"};
  for (const Json& rule : profile.at("syscalls"))
    for (const std::string name : rule.at("names")) names.insert(name);
  for (uint32_t token : {uint32_t{SCMP_ARCH_X86_64}, uint32_t{SCMP_ARCH_X86}, uint32_t{SCMP_ARCH_X32},
                         uint32_t{SCMP_ARCH_AARCH64}, uint32_t{SCMP_ARCH_ARM}}) {
    for (const std::string& name : names) {
      int number = seccomp_syscall_resolve_name_arch(token, name.c_str());
      for (int near : {number - 1, number, number + 1})
        if (near >= 0) out.insert(static_cast<uint32_t>(near));
    }
  }
  // The direct calls in addition to socketcall and ipc.
  for (uint32_t number = 359; number < 403; ++number) out.insert(number);
  return out;
}

constexpr uint32_t kArches[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM, 0};

uint64_t low_half(uint64_t value) { return value & 0xffffffff; }

// Describes the first call for which the two differ; "" if there is none. From `last_known` on, ours returns
// ENOSYS.
std::string difference(const Program& mine, const Program& theirs, const Json& profile,
                       const std::map<std::pair<uint32_t, bool>, uint32_t>& last_known = {}) {
  std::vector<std::array<uint64_t, 6>> sets = argument_sets(profile);
  for (uint32_t arch : kArches) {
    bool narrow = arch != AUDIT_ARCH_X86_64 && arch != AUDIT_ARCH_AARCH64;
    for (uint32_t number : last_known.empty() ? numbers_of(profile) : all_numbers()) {
      auto last = last_known.find({arch, number >= 0x40000000});
      bool unknown = last != last_known.end() && number != 0xffffffff && number > last->second;
      for (const std::array<uint64_t, 6>& set : sets) {
        seccomp_data data{static_cast<int>(number), arch, 0, {}};
        for (size_t i = 0; i < 6; ++i) data.args[i] = narrow ? low_half(set[i]) : set[i];
        uint32_t a = interpret(mine, data).action;
        uint32_t b = unknown ? SECCOMP_RET_ERRNO | ENOSYS : interpret(theirs, data).action;
        if (a == b) continue;
        std::string text = std::to_string(number) + " of " + std::to_string(arch) + " (";
        for (uint64_t argument : set) text += std::to_string(argument) + " ";
        return text + "): ours " + std::to_string(a) + ", libseccomp's " + std::to_string(b);
      }
    }
  }
  return "";
}

uint32_t newest_named(const Json& profile, uint32_t token) {
  int newest = 0;
  for (const Json& rule : profile["syscalls"]) {
    for (const std::string name : rule["names"])
      newest = std::max(newest, seccomp_syscall_resolve_name_arch(token, name.c_str()));
  }
  return static_cast<uint32_t>(newest);
}

Json rule_for(const std::vector<std::string>& names, const char* action, Json args = Json::array()) {
  return {{"names", names}, {"action", action}, {"args", std::move(args)}};
}

Json test_of(unsigned index, const char* op, uint64_t value, uint64_t second = 0) {
  return {{"index", index}, {"op", op}, {"value", value}, {"valueTwo", second}};
}

Json allowing_profile(Json rules) {
  return {{"defaultAction", "SCMP_ACT_ALLOW"},
          {"architectures", {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"}},
          {"syscalls", std::move(rules)}};
}

class SeccompProgram : public ::testing::Test {
 protected:
  void SetUp() override {
    if (seccomp_arch_native() != SCMP_ARCH_X86_64) GTEST_SKIP() << "compares programs for x86_64";
  }
};

TEST_F(SeccompProgram, DefaultProfileMatchesLibseccompForEveryCall) {
  Json profile = known_to_libseccomp(resolved(*parse_json(default_seccomp_profile())));
  Program mine = ours(profile), theirs = reference(profile);
  // The newest call that the profile names; bit 30 means x32 for x86_64 only.
  auto x86_64 = newest_named(profile, SCMP_ARCH_X86_64), x32 = newest_named(profile, SCMP_ARCH_X32);
  auto i386 = newest_named(profile, SCMP_ARCH_X86);
  std::map<std::pair<uint32_t, bool>, uint32_t> last = {{{AUDIT_ARCH_X86_64, false}, x86_64},
                                                        {{AUDIT_ARCH_X86_64, true}, x32},
                                                        {{AUDIT_ARCH_I386, false}, i386},
                                                        {{AUDIT_ARCH_I386, true}, i386}};
  EXPECT_EQ(difference(mine, theirs, profile, last), "");
}

TEST_F(SeccompProgram, DefaultProfileInDockersFormatGivesTheSameProgram) {
  std::set<std::string> caps(default_capabilities().begin(), default_capabilities().end());
  Result<std::string> whole = compile_seccomp({std::string(default_seccomp_profile()), caps, "6.1"});
  ASSERT_TRUE(whole) << whole.error().text();
  EXPECT_EQ(*whole,
            *compile_seccomp({to_text(resolved(*parse_json(default_seccomp_profile()))), caps, "6.1"}));
}

TEST_F(SeccompProgram, DefaultProfileIsAThirdOfLibseccompsLengthWithFewStepsPerCall) {
  Json profile = resolved(*parse_json(default_seccomp_profile()));
  Program mine = ours(profile), theirs = reference(profile);
  RecordProperty("instructions", static_cast<int>(mine.size()));
  RecordProperty("libseccomp_instructions", static_cast<int>(theirs.size()));
  EXPECT_LT(mine.size() * 3, theirs.size());
  // For calls whose arguments are not tested.
  size_t most = 0;
  for (int number : {__NR_read, __NR_openat, __NR_futex, __NR_mount, __NR_epoll_wait, __NR_io_uring_setup}) {
    seccomp_data data{number, AUDIT_ARCH_X86_64, 0, {}};
    most = std::max(most, interpret(mine, data).steps);
  }
  EXPECT_LE(most, 14u);
}

TEST_F(SeccompProgram, EveryActionMatchesTheKernel) {
  for (const auto& [name, action] :
       std::map<std::string, uint32_t>{{"SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD},
                                       {"SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD},
                                       {"SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS},
                                       {"SCMP_ACT_TRAP", SECCOMP_RET_TRAP},
                                       {"SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO | EPERM},
                                       {"SCMP_ACT_TRACE", SECCOMP_RET_TRACE | EPERM},
                                       {"SCMP_ACT_LOG", SECCOMP_RET_LOG},
                                       {"SCMP_ACT_NOTIFY", SECCOMP_RET_USER_NOTIF}}) {
    Program program = ours(allowing_profile({rule_for({"chmod"}, name.c_str())}));
    seccomp_data data{__NR_chmod, AUDIT_ARCH_X86_64, 0, {}};
    EXPECT_EQ(interpret(program, data).action, action) << name;
    data.nr = __NR_chown;
    EXPECT_EQ(interpret(program, data).action, SECCOMP_RET_ALLOW) << name;
  }
}

TEST_F(SeccompProgram, EveryComparisonMatchesLibseccomp) {
  for (const auto& [name, op] : kCompares) {
    for (uint64_t value :
         {uint64_t{0}, uint64_t{5}, uint64_t{0xffffffff}, uint64_t{0x100000005}, ~uint64_t{0}}) {
      Json profile = allowing_profile(
          {rule_for({"ioctl"}, "SCMP_ACT_ERRNO", {test_of(1, name.c_str(), value, value & 0x1000000f5)})});
      EXPECT_EQ(difference(ours(profile), reference(profile), profile), "") << name << " " << value;
    }
  }
}

TEST_F(SeccompProgram, AllArgumentsMustMatch) {
  Json profile =
      allowing_profile({rule_for({"ioctl", "fcntl"}, "SCMP_ACT_ERRNO",
                                 {test_of(0, "SCMP_CMP_GE", 3), test_of(1, "SCMP_CMP_LT", 0x200000001),
                                  test_of(5, "SCMP_CMP_NE", 7)}),
                        rule_for({"ioctl"}, "SCMP_ACT_ERRNO", {test_of(2, "SCMP_CMP_EQ", 9)})});
  EXPECT_EQ(difference(ours(profile), reference(profile), profile), "");
}

TEST_F(SeccompProgram, RepeatedArgumentMatchesEither) {
  Json both = allowing_profile(
      {rule_for({"ioctl"}, "SCMP_ACT_ERRNO", {test_of(0, "SCMP_CMP_EQ", 3), test_of(0, "SCMP_CMP_EQ", 5)})});
  Json apart = allowing_profile({rule_for({"ioctl"}, "SCMP_ACT_ERRNO", {test_of(0, "SCMP_CMP_EQ", 3)}),
                                 rule_for({"ioctl"}, "SCMP_ACT_ERRNO", {test_of(0, "SCMP_CMP_EQ", 5)})});
  EXPECT_EQ(difference(ours(both), reference(apart), both), "");
}

TEST_F(SeccompProgram, SocketCallsOf32BitProgramsAreMatched) {
  Json profile =
      allowing_profile({rule_for({"socket", "sendto", "recv", "shmat", "semop"}, "SCMP_ACT_ERRNO")});
  EXPECT_EQ(difference(ours(profile), reference(profile), profile), "");
}

TEST_F(SeccompProgram, OnlyNamedArchitecturesAreServed) {
  for (Json arches : {Json::array({"SCMP_ARCH_X86_64"}), Json::array({"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"}),
                      Json::array({"SCMP_ARCH_X32"}), Json::array({"SCMP_ARCH_X86"})}) {
    Json profile = allowing_profile({rule_for({"chmod", "openat", "fchmod"}, "SCMP_ACT_ERRNO")});
    profile["architectures"] = arches;
    EXPECT_EQ(difference(ours(profile), reference(profile), profile), "") << arches;
  }
}

// Jumps of a program reach only 255 instructions.
TEST_F(SeccompProgram, LongProgramsStillReachTheirEnds) {
  Json rules = Json::array();
  for (int number = 0; number < 160; ++number) {
    char* name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, number);
    if (name == nullptr) continue;
    Json rule =
        rule_for({name}, "SCMP_ACT_ERRNO",
                 {test_of(0, "SCMP_CMP_GT", static_cast<uint64_t>(number) * 3),
                  test_of(3, "SCMP_CMP_MASKED_EQ", 0xff00000000ff, static_cast<uint64_t>(number) & 0x0f)});
    rule["errnoRet"] = 1 + number;
    rules.push_back(rule);
    ::free(name);
  }
  Json profile = allowing_profile(rules);
  profile["architectures"] = {"SCMP_ARCH_X86_64"};
  Json few = allowing_profile({rules[0], rules[7], rules[100]});
  Program mine = ours(profile);
  EXPECT_GT(mine.size(), 1000u);
  EXPECT_EQ(difference(mine, reference(profile), few), "");
}

TEST_F(SeccompProgram, CallsNewerThanADenyingProfileReturnEnosys) {
  Json profile = {{"defaultAction", "SCMP_ACT_ERRNO"},
                  {"architectures", {"SCMP_ARCH_X86_64"}},
                  {"syscalls", {rule_for({"read", "openat2"}, "SCMP_ACT_ALLOW")}}};
  Program program = ours(profile);
  auto action = [&](int number) {
    return interpret(program, seccomp_data{number, AUDIT_ARCH_X86_64, 0, {}}).action;
  };
  EXPECT_EQ(action(437), SECCOMP_RET_ALLOW);
  EXPECT_EQ(action(436), SECCOMP_RET_ERRNO | EPERM);
  EXPECT_EQ(action(438), SECCOMP_RET_ERRNO | ENOSYS);
  profile["defaultAction"] = "SCMP_ACT_LOG";
  program = ours(profile);
  EXPECT_EQ(action(438), SECCOMP_RET_LOG);
}

TEST_F(SeccompProgram, CallsUnknownToTheLibraryAreInTheProgram) {
  Program program = ours({{"defaultAction", "SCMP_ACT_ERRNO"},
                          {"architectures", {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"}},
                          {"syscalls", {rule_for({"file_setattr"}, "SCMP_ACT_ALLOW")}}});
  for (auto [arch, number] : {std::pair<uint32_t, int>{AUDIT_ARCH_X86_64, 469},
                              {AUDIT_ARCH_X86_64, 0x40000000 + 469},
                              {AUDIT_ARCH_I386, 469}}) {
    EXPECT_EQ(interpret(program, seccomp_data{number, arch, 0, {}}).action, SECCOMP_RET_ALLOW) << number;
  }
}

TEST_F(SeccompProgram, RandomProfilesMatchLibseccomp) {
  const char* names[] = {"read", "ioctl",  "clone",  "personality", "prctl",
                         "mmap", "openat", "ptrace", "kcmp",        "futex"};
  std::vector<std::string> ops;
  for (const auto& [name, op] : kCompares) ops.push_back(name);
  std::mt19937 random(20260101);
  for (int round = 0; round < 10; ++round) {
    Json rules = Json::array();
    for (const char* name : names) {
      Json args = Json::array();
      for (unsigned index = 0; index < 6; ++index) {
        if (random() % 4 != 0) continue;
        uint64_t value = random() % 2 == 0 ? random() % 16 : uint64_t{random()} << (random() % 32);
        args.push_back(test_of(index, ops[random() % ops.size()].c_str(), value, value & random()));
      }
      Json rule = rule_for({name}, "SCMP_ACT_ERRNO", args);
      rule["errnoRet"] = 1 + random() % 4000;
      rules.push_back(rule);
    }
    Json profile = allowing_profile(rules);
    EXPECT_EQ(difference(ours(profile), reference(profile), profile), "") << to_text(profile);
  }
}

}  // namespace
}  // namespace stack::runtime
