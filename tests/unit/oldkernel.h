/* SPDX-License-Identifier: BSD-3-Clause */
/* A kernel that cannot do all that the newest can. */
#ifndef ZRAM_OLDKERNEL_H
#define ZRAM_OLDKERNEL_H

enum kernel_age {
  KERNEL_AS_IT_IS,
  KERNEL_BEFORE_6_13, /* process_madvise cannot give memory back */
  KERNEL_BEFORE_5_18, /* ... and madvise no memory that is locked */
  KERNEL_AGES
};

/* Let it be so old for this process, from now on; and in it, the pool. */
extern void kernel_pretend (enum kernel_age age);

#endif /* ZRAM_OLDKERNEL_H */
