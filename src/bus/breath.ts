/** How long the next hints may gather for each one in the batch before, and at most, in milliseconds. */
const BREATH_PER_HINT = 0.25;
const LONGEST_BREATH = 4;

/**
 * What a bus does between two batches. Each batch costs its sender, the carrier and every receiver about the same, whatever
 * is in it; so under load, where hints come by the dozen, they go in fewer and larger ones. Where they come one by one,
 * there is no breath.
 *
 * @param sent hints in the batch before
 */
export async function breathe(sent: number): Promise<void> {
  const breath = Math.min(Math.floor(sent * BREATH_PER_HINT), LONGEST_BREATH);
  if (breath > 0) await new Promise((resolve) => setTimeout(resolve, breath));
}
