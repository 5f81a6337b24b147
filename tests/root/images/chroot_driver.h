// RUN steps for tests: an overlay in a separate mount namespace, chroot, exec. No other isolation.
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
