export const KEY_ID = 'AKIATEST';
export const SECRET = 'secret/of+the=tests';
export const REGION = 'us-east-1';
