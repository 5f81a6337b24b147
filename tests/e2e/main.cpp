// Every run of this program, with one test case or many, is isolated (isolation.h). The shared images are created
// before that, with the machine's network.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <string_view>

#include "image_cache.h"
#include "isolation.h"

int main(int argc, char** argv) {
  bool listing = false;
  bool only_images = false;
  for (int i = 1; i < argc; ++i) {
    listing =
        listing || std::string_view(argv[i]) == "--gtest_list_tests" || std::string_view(argv[i]) == "--help";
    only_images = only_images || std::string_view(argv[i]) == "--prepare-images";
  }
  testing::InitGoogleTest(&argc, argv);
  if (listing) return RUN_ALL_TESTS();
  if (::geteuid() != 0) {
    std::fprintf(stderr, "end-to-end tests start containers: run them as root\n");
    return 1;
  }
  stack::Result<> images = stack::e2e::prepare_images();
  if (!images) {
    std::fprintf(stderr, "%s\n", images.error().text().c_str());
    return 1;
  }
  if (only_images) return 0;
  stack::Result<int> code = stack::e2e::run_isolated([] { return RUN_ALL_TESTS(); });
  if (!code) {
    std::fprintf(stderr, "cannot isolate: %s\n", code.error().text().c_str());
    return 1;
  }
  return *code;
}
