// stack-pod: the helper of `stack deploy --target kubernetes` inside a pod. It reaches the pod as a file of a
// ConfigMap, so it works in every image, even without a shell.
//
//   stack-pod wait NAME...              until each name can be resolved
//   stack-pod fill SOURCE VOLUME        VOLUME/data from the image's directory SOURCE, once
//   stack-pod copy SOURCE TARGET [UID:GID]   files of a ConfigMap or Secret into a writable directory
//   stack-pod stop SIGNAL               sends a signal to process 1 and waits for its end
#include <stddef.h>
#include <stdint.h>

#include "runtime/monitor/system_calls.h"
#include "runtime/monitor/text.h"
#include "runtime/pod/copy.h"
#include "runtime/pod/resolve.h"

namespace {

using namespace stack::runtime;

constexpr int kUsage = 2;
constexpr int64_t kPauseNanoseconds = 300'000'000;
constexpr int kPausesPerNote = 100;

void say(const char* first, const char* second = "", const char* third = "", int64_t number = 0) {
  char line[512];
  TextWriter text(line, sizeof(line));
  text.add("stack-pod: ").add(first).add(second).add(third);
  if (number != 0) text.add(" (errno ").number(number).add(')');
  text.add('\n');
  sys::write(2, line, text.used());
}

void pause_shortly() {
  sys::TimeSpec pause = {0, kPauseNanoseconds};
  sys::call(__NR_nanosleep, sys::pointer(&pause), 0);
}

int wait_for(int count, char** names) {
  for (int i = 0; i < count; ++i) {
    for (int pauses = 0; !pod::name_exists(names[i]); ++pauses) {
      if (pauses % kPausesPerNote == 0) say("waiting for ", names[i]);
      pause_shortly();
    }
  }
  return 0;
}

int report(const pod::Failure& failure, const char* what) {
  if (failure.step == nullptr) return 0;
  say(what, ": cannot ", failure.step, failure.error);
  return 1;
}

// Reads digits up to `end`; false for anything else.
bool parse_number(const char* text, char end, unsigned& value, const char** rest = nullptr) {
  value = 0;
  const char* at = text;
  for (; *at >= '0' && *at <= '9'; ++at) value = value * 10 + static_cast<unsigned>(*at - '0');
  if (at == text || *at != end) return false;
  if (rest != nullptr) *rest = at + 1;
  return true;
}

int copy(int count, char** words) {
  pod::Owner owner;
  if (count == 3) {
    const char* group = nullptr;
    if (!parse_number(words[2], ':', owner.uid, &group) || !parse_number(group, '\0', owner.gid)) {
      say("invalid owner ", words[2]);
      return kUsage;
    }
  }
  return report(pod::copy_files(words[0], words[1], owner), words[1]);
}

// The container ends with process 1, and this process with it.
int stop(const char* number) {
  unsigned signal = 0;
  if (!parse_number(number, '\0', signal)) {
    say("invalid signal ", number);
    return kUsage;
  }
  while (sys::call(__NR_kill, 1, signal) == 0) {
    for (int i = 0; i < kPausesPerNote; ++i) {
      pause_shortly();
      if (sys::call(__NR_kill, 1, 0) != 0) return 0;
    }
  }
  return 0;
}

int run(int count, char** words) {
  if (count > 2 && same_text(words[1], "wait")) return wait_for(count - 2, words + 2);
  if (count == 4 && same_text(words[1], "fill"))
    return report(pod::fill_volume(words[2], words[3]), words[3]);
  if ((count == 4 || count == 5) && same_text(words[1], "copy")) return copy(count - 2, words + 2);
  if (count == 3 && same_text(words[1], "stop")) return stop(words[2]);
  say("usage: wait NAME... | fill SOURCE VOLUME | copy SOURCE TARGET [UID:GID] | stop SIGNAL");
  return kUsage;
}

}  // namespace

extern "C" int program_main(int argc, char** argv, char**) { return run(argc, argv); }
