// The device controller of cgroup v2 is a BPF program (BPF_PROG_TYPE_CGROUP_DEVICE).
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

#include "base/fd.h"
#include "runtime/cgroup/cgroup_limits.h"

namespace stack::runtime {

namespace {

enum Register : uint8_t { R0, R1, R2, R3, R4, R5 };

bpf_insn instruction(int code, Register to, Register from, int offset, int value) {
  bpf_insn out{};
  out.code = static_cast<uint8_t>(code);
  out.dst_reg = to & 0xf;
  out.src_reg = from & 0xf;
  out.off = static_cast<int16_t>(offset);
  out.imm = value;
  return out;
}

bpf_insn load_context(Register to, int offset) {
  return instruction(BPF_LDX | BPF_MEM | BPF_W, to, R1, offset, 0);
}
bpf_insn set(Register to, int value) { return instruction(BPF_ALU | BPF_MOV | BPF_K, to, R0, 0, value); }
bpf_insn jump_if_not(Register what, int value) {
  return instruction(BPF_JMP | BPF_JNE | BPF_K, what, R0, 0, value);
}

int access_bits(const std::string& access) {
  int bits = 0;
  if (access.find('m') != std::string::npos) bits |= BPF_DEVCG_ACC_MKNOD;
  if (access.find('r') != std::string::npos) bits |= BPF_DEVCG_ACC_READ;
  if (access.find('w') != std::string::npos) bits |= BPF_DEVCG_ACC_WRITE;
  return bits;
}

constexpr int kAllAccess = BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE;

// R2 type, R3 access, R4 major, R5 minor; R1 is free.
void append_rule(std::vector<bpf_insn>& program, const DeviceRule& rule) {
  size_t begin = program.size();
  if (rule.type != 'a')
    program.push_back(jump_if_not(R2, rule.type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR));
  int bits = access_bits(rule.access);
  if (bits != kAllAccess) {
    program.push_back(instruction(BPF_ALU | BPF_MOV | BPF_X, R1, R3, 0, 0));
    program.push_back(instruction(BPF_ALU | BPF_AND | BPF_K, R1, R0, 0, bits));
    // An allow rule must cover the whole access; a deny rule applies to any overlap.
    program.push_back(rule.allow ? instruction(BPF_JMP | BPF_JNE | BPF_X, R1, R3, 0, 0)
                                 : instruction(BPF_JMP | BPF_JEQ | BPF_K, R1, R0, 0, 0));
  }
  if (rule.major >= 0) program.push_back(jump_if_not(R4, static_cast<int>(rule.major)));
  if (rule.minor >= 0) program.push_back(jump_if_not(R5, static_cast<int>(rule.minor)));
  program.push_back(set(R0, rule.allow ? 1 : 0));
  program.push_back(instruction(BPF_JMP | BPF_EXIT, R0, R0, 0, 0));
  for (size_t i = begin; i < program.size(); ++i) {
    bool jumps = (program[i].code & 0x07) == BPF_JMP && program[i].code != (BPF_JMP | BPF_EXIT);
    if (jumps) program[i].off = static_cast<int16_t>(program.size() - i - 1);
  }
}

std::vector<bpf_insn> build_program(const std::vector<DeviceRule>& rules) {
  std::vector<bpf_insn> program;
  program.push_back(load_context(R2, 0));
  program.push_back(instruction(BPF_ALU | BPF_MOV | BPF_X, R3, R2, 0, 0));
  program.push_back(instruction(BPF_ALU | BPF_AND | BPF_K, R2, R0, 0, 0xffff));
  program.push_back(instruction(BPF_ALU | BPF_RSH | BPF_K, R3, R0, 0, 16));
  program.push_back(load_context(R4, 4));
  program.push_back(load_context(R5, 8));
  for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) {
    append_rule(program, *rule);
    // Rules after one that matches everything are unreachable, and the verifier rejects dead code.
    if (rule->type == 'a' && rule->major < 0 && rule->minor < 0 && access_bits(rule->access) == kAllAccess)
      return program;
  }
  program.push_back(set(R0, 1));
  program.push_back(instruction(BPF_JMP | BPF_EXIT, R0, R0, 0, 0));
  return program;
}

}  // namespace

Result<> attach_device_filter(int cgroup_directory, const std::vector<DeviceRule>& rules) {
  if (rules.empty()) return {};
  std::vector<bpf_insn> program = build_program(rules);
  static constexpr char kLicense[] = "Apache-2.0";
  bpf_attr load{};
  load.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  load.insns = reinterpret_cast<uintptr_t>(program.data());
  load.insn_cnt = static_cast<uint32_t>(program.size());
  load.license = reinterpret_cast<uintptr_t>(kLicense);
  Fd loaded(static_cast<int>(::syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof(load))));
  if (!loaded) return Error::last_errno("load device filter");
  bpf_attr attach{};
  attach.target_fd = static_cast<uint32_t>(cgroup_directory);
  attach.attach_bpf_fd = static_cast<uint32_t>(loaded.get());
  attach.attach_type = BPF_CGROUP_DEVICE;
  attach.attach_flags = BPF_F_ALLOW_MULTI;
  if (::syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof(attach)) != 0)
    return Error::last_errno("attach device filter");
  return {};
}

}  // namespace stack::runtime
