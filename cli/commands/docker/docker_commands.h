// The docker command line: `stack docker ...`, and this program under the name `docker`. Each command is one row,
// defined in the file that has its subject; the grammar, texts and exit codes are those of Docker's own client.
// https://docs.docker.com/reference/cli/docker/
#pragma once

#include <span>
#include <string>

#include "cli/flags/command.h"

namespace stack::cli::docker_cli {

// Exit code of `run`, `create` and `exec` where Docker itself fails before the command runs, and of unknown flags.
inline constexpr int kExitDocker = 125;

extern const Command kAttach, kBuild, kBuilderPrune, kCommit, kContainerInspect, kContainerPrune,
    kContextCreate, kContextInspect, kContextLs, kContextRm, kContextShow, kContextUse, kCp, kCreate, kDiff,
    kEvents, kExec, kExport, kHistory, kImageInspect, kImagePrune, kImages, kImport, kInfo, kInspect, kKill,
    kLoad, kLogin, kLogout, kLogs, kNetworkConnect, kNetworkCreate, kNetworkDisconnect, kNetworkInspect,
    kNetworkLs, kNetworkPrune, kNetworkRm, kPause, kPort, kPs, kPull, kPush, kRename, kRestart, kRm, kRmi,
    kRun, kSave, kSearch, kStart, kStats, kStop, kSystemDf, kSystemPrune, kTag, kTop, kUnpause, kUpdate,
    kVersion, kVolumeCreate, kVolumeInspect, kVolumeLs, kVolumePrune, kVolumeRm, kWait;

// Every command, under its long name ("container ls"); the short ones ("ps") are aliases.
std::span<const Command* const> commands();

}  // namespace stack::cli::docker_cli
