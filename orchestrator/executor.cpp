#include "orchestrator/executor.h"
