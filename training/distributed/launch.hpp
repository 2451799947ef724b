// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

/* Which process of a training this is: read from the environment variables that launchers set.

     torchrun, scripts/train_local.sh   RANK WORLD_SIZE LOCAL_RANK LOCAL_WORLD_SIZE MASTER_ADDR MASTER_PORT
     mpirun (Open MPI)                  OMPI_COMM_WORLD_RANK, .._SIZE, .._LOCAL_RANK, .._LOCAL_SIZE; MASTER_ADDR, or all
                                        processes on one machine
     srun (Slurm)                       SLURM_PROCID SLURM_NTASKS SLURM_LOCALID SLURM_NTASKS_PER_NODE; MASTER_ADDR or
                                        SLURM_LAUNCH_NODE_IPADDR

   Variables of the first row win. One process (size 1) needs none of them. */

#ifndef D2DET_TRAINING_LAUNCH_HPP
#define D2DET_TRAINING_LAUNCH_HPP

#include <functional>
#include <string>

namespace d2det
{

struct Launch
{
    int rank = 0;                       //!< 0 .. size - 1; 0 writes files and reports
    int size = 1;                       //!< number of processes
    int localRank = 0;                  //!< among those of this machine: number of its GPU
    int localSize = 1;                  //!< processes of this machine, which share its processor
    std::string address = "127.0.0.1";  //!< of the machine of rank 0
    int port = 29500;                   //!< on which rank 0 waits for the others
    bool storeIsThere = false;          //!< the launcher waits on that port itself (torchrun does)
    std::string launcher;               //!< "torchrun", "mpirun" or "srun"; empty: a single process
};

//! Value of an environment variable, null if it is not set.
using Lookup = std::function<const char*(const char*)>;

/** Throws Error where variables are missing, are no numbers or contradict each other.
    @param lookup default: the environment of the process */
Launch readLaunch(const Lookup& lookup = {});

}  // namespace d2det

#endif
