/** What the sample service trades, most active first. */
export const symbols = `
  BTC-USD ETH-USD SOL-USD AAPL NVDA TSLA EUR-USD XRP-USD MSFT SPY
  GBP-USD QQQ AMZN DOGE-USD ADA-USD META USD-JPY GLD LTC-USD LINK-USD`
  .trim()
  .split(/\s+/);
