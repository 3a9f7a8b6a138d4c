export async function personTests() {}
