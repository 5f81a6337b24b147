// A seccomp profile: the result must be a program that the kernel accepts (seccomp_check_filter).
#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "runtime/seccomp/seccomp.h"

using namespace stack;
using namespace stack::runtime;

namespace {

bool sound(const std::vector<sock_filter>& program, size_t at) {
  const sock_filter& now = program[at];
  size_t left = program.size() - at - 1;
  switch (now.code) {
    case BPF_LD | BPF_W | BPF_ABS:
      return now.k < sizeof(seccomp_data) && now.k % 4 == 0 && left > 0;
    case BPF_ALU | BPF_AND | BPF_K:
      return left > 0;
    case BPF_JMP | BPF_JA:
      return now.k < left;
    case BPF_JMP | BPF_JEQ | BPF_K:
    case BPF_JMP | BPF_JGT | BPF_K:
    case BPF_JMP | BPF_JGE | BPF_K:
      return now.jt < left && now.jf < left;
    default:
      return now.code == (BPF_RET | BPF_K);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  std::string text(reinterpret_cast<const char*>(bytes), size);
  auto compiled = compile_seccomp({text, {"CAP_CHOWN", "CAP_SYS_ADMIN"}, "6.1"});
  if (!compiled) return 0;
  if (compiled->empty() || compiled->size() % sizeof(sock_filter) != 0) std::abort();
  std::vector<sock_filter> program(compiled->size() / sizeof(sock_filter));
  std::memcpy(program.data(), compiled->data(), compiled->size());
  if (program.size() > BPF_MAXINSNS) std::abort();
  for (size_t at = 0; at < program.size(); ++at)
    if (!sound(program, at)) std::abort();
  return 0;
}
