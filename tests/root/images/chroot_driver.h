// RUN steps for tests: an overlay in a mount namespace of its own, chroot, exec. No isolation worth the name.
#pragma once

#include <atomic>

#include "images/builder/worker/run_driver.h"

namespace stack::builder {

class ChrootDriver : public RunDriver {
 public:
  Result<int> run(const RunStep& step, const RunOutput& output, std::stop_token stop) override;
  std::atomic<int> runs{0};
  RunStep last;
};

}  // namespace stack::builder
