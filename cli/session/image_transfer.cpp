#include "cli/session/image_transfer.h"

#include "cli/flags/build_options.h"
#include "cli/session/change.h"

namespace stack::cli {

Result<int> transfer_images(Session& session, const std::vector<std::string>& references,
                            const ImageTransferOptions& options) {
  TRY(session.refuse_dry_run());
  Json network = build_options(session.environment(), session.current_directory());
  const char* verb = options.push ? "push" : "pull";
  Change change{verb,
                std::string("/stack/v1/images/") + verb,
                {{"references", references},
                 {"platform", options.platform},
                 {"ignore_failures", options.ignore_failures},
                 {"network", network}},
                true,
                references};
  ProgressStyle style = progress_style(session);
  if (options.quiet) style.mode = ProgressMode::Quiet;
  InterruptNotice notice(true);
  auto progress = make_progress(style, change.title);
  TRY_ASSIGN(ChangeResult result, follow_change(session, change, *progress));
  return say_result(session, result);
}

}  // namespace stack::cli
